import * as z from "zod";
import { type Place, Reference, readTemplate, templateParameters } from "../template.ts";

const SqsEvent = z.object({
  sqs: z.object({ arn: Reference, batchSize: z.literal(1), maximumConcurrency: z.coerce.number().int() }),
});
/** What wakes a function without a queue or a request: here only the schedule counts. */
const BridgeEvent = z.object({ eventBridge: z.object({ schedule: z.string().optional() }) });
const HttpEvent = z.object({ httpApi: z.string().regex(/^[A-Z]+ \//) });
const FunctionFile = z.object({
  functions: z.record(
    z.string(),
    z.object({
      handler: z.string(),
      timeout: z.coerce.number().optional(),
      events: z.array(z.union([SqsEvent, HttpEvent, BridgeEvent])),
    }),
  ),
});

export type FunctionDefinition = {
  /** As in the template, e.g. `dead-letter`. */
  name: string;
  /** `<file without its ending>.<export>`, from the project's folder. */
  handler: string;
  timeoutSeconds: number;
  /** The queues that wake it, by their names in the template. */
  sources: { queueLogicalId: string; maximumConcurrency: number }[];
  /** e.g. `POST /v1/events` */
  routes: string[];
  /** Woken at start and every SYNC_SCHEDULE. */
  isScheduled: boolean;
};

/** All functions of `infra/functions.yml` with what wakes them. */
export function readFunctions(place: Place): FunctionDefinition[] {
  const { functions } = FunctionFile.parse(readTemplate("infra/functions.yml", place));
  const byDefault = Number(templateParameters(place.parameters)["functionTimeoutSeconds"]);
  return Object.entries(functions).map(([name, { handler, timeout, events }]) => ({
    name,
    handler,
    timeoutSeconds: timeout ?? byDefault,
    sources: events.flatMap((event) =>
      "sqs" in event
        ? [{ queueLogicalId: event.sqs.arn["Fn::GetAtt"][0], maximumConcurrency: event.sqs.maximumConcurrency }]
        : [],
    ),
    routes: events.flatMap((event) => ("httpApi" in event ? [event.httpApi] : [])),
    isScheduled: events.some((event) => "eventBridge" in event && event.eventBridge.schedule !== undefined),
  }));
}

/** What Lambda hands to every function beside the event, as far as ours look at it. */
export type FunctionContext = {
  awsRequestId: string;
  functionName: string;
  invokedFunctionArn: string;
  getRemainingTimeInMillis(): number;
};
export type Handler = (event: unknown, context: FunctionContext) => Promise<unknown>;

let loads = 0;

/**
 * Imports the handler that the template names. Each load is a cold start: a handler keeps its connections from one
 * invocation to the next, and a second stack in the same process must not inherit those of the first.
 */
export async function loadHandler({ handler }: Pick<FunctionDefinition, "handler">): Promise<Handler> {
  const dot = handler.lastIndexOf(".");
  const file = new URL(`../../${handler.slice(0, dot)}.ts?load=${++loads}`, import.meta.url);
  const loaded: Record<string, unknown> = await import(file.href);
  const exported = loaded[handler.slice(dot + 1)];
  if (typeof exported !== "function") throw new Error(`${handler} is not a function`);
  return async (event, context) => await exported(event, context);
}
