import type { SQSClient } from "@aws-sdk/client-sqs";
import { type HttpFunction, openDoor } from "./door.ts";
import { type EventSource, type SettledInvocation, startEventSource } from "./event-source.ts";
import { type FunctionDefinition, type Handler, loadHandler } from "./functions.ts";
import type { Queue } from "./resources.ts";
import { startSchedule } from "./schedule.ts";

export type WakeOptions = {
  functions: FunctionDefinition[];
  queues: Queue[];
  sqs: SQSClient;
  /** Where the door may listen, tried in this order. */
  ports?: readonly number[];
  /** When scheduled functions run; never without it. */
  schedule?: string;
  onMessage?: (body: string) => void;
  /** What Lambda's own log would tell: a handler that threw, or a queue that does not answer. */
  onTrouble?: (sentence: string) => void;
};
export type Awake = {
  url: string;
  /** Closes the door, then lets running handlers finish. */
  stop(how?: { hangUp: boolean }): Promise<void>;
};

/** Connects every function of the template with what wakes it: its queues, or requests at one door for all of them. */
export async function wakeFunctions(options: WakeOptions): Promise<Awake> {
  const loaded = await Promise.all(
    options.functions.map(async (definition) => ({ ...definition, handler: await loadHandler(definition) })),
  );
  const isHttp = ({ routes }: HttpFunction) => routes.length > 0;
  const door = await openDoor({
    ...(options.ports && { ports: options.ports }),
    functions: loaded.filter(isHttp),
  });
  const sources = loaded.flatMap((one) => eventSourcesOf(one, options));
  const schedules = loaded.filter(({ isScheduled }) => isScheduled).flatMap((one) => scheduleOf(one, options));
  return {
    url: door.url,
    stop: async (how) => {
      await door.stop();
      await Promise.all([...sources, ...schedules].map((source) => source.stop(how)));
    },
  };
}

function scheduleOf({ name, handler, timeoutSeconds }: Loaded, { schedule }: WakeOptions) {
  return schedule === undefined ? [] : [startSchedule({ functionName: name, handler, timeoutSeconds, schedule })];
}

type Loaded = Omit<FunctionDefinition, "handler"> & { handler: Handler };

function eventSourcesOf({ name, handler, timeoutSeconds, sources }: Loaded, options: WakeOptions): EventSource[] {
  const { queues, sqs, onMessage, onTrouble } = options;
  return sources.map(({ queueLogicalId, maximumConcurrency }) => {
    const queue = queues.find(({ logicalId }) => logicalId === queueLogicalId);
    if (!queue) throw new Error(`${name} is woken by ${queueLogicalId}, which infra/queues.yml does not have`);
    return startEventSource({
      client: sqs,
      queue,
      functionName: name,
      handler,
      timeoutSeconds,
      maximumConcurrency,
      ...(onMessage && { onMessage }),
      onSettled: (invocation) => {
        const trouble = troubleOf(invocation, timeoutSeconds);
        if (trouble) onTrouble?.(trouble);
      },
      onQueueTrouble: (error) => onTrouble?.(`queue ${queue.queue} does not answer: ${messageOf(error)}`),
    });
  });
}

function troubleOf({ functionName, ending, error }: SettledInvocation, timeoutSeconds: number): string | undefined {
  if (ending === "thrown") return `function ${functionName} crashed: ${messageOf(error)}`;
  if (ending === "timed-out") return `function ${functionName} did not end within ${timeoutSeconds} s`;
  if (ending === "malformed") return `function ${functionName} answered something else than batchItemFailures`;
  return undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
