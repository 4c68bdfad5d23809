import { syncDirectory } from "./sync-directory.ts";

export const handler = syncDirectory();
