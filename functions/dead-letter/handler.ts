import { drainCrashes } from "./drain-crashes.ts";

export const handler = drainCrashes();
