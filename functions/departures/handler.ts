import { sendDeparturesOn } from "./send-departures-on.ts";

export const handler = sendDeparturesOn();
