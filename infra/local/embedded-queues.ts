import { Server } from "node:net";
import { type FauxqsServer, startFauxqs } from "fauxqs";

/** The region and account that the emulator's ARNs carry. */
export const LOCAL_REGION = "eu-central-1";
export const LOCAL_ACCOUNT = "000000000000";

export type EmbeddedQueues = {
  /** `http://127.0.0.1:<port>`: what `AWS_ENDPOINT_URL` would be. */
  endpoint: string;
  /** What lies in the queue of that full name, without receiving anything. */
  messagesIn(queueName: string): QueuedMessage[];
  stop(): Promise<void>;
};

export type QueuedMessage = {
  body: string;
  state: "ready" | "in flight" | "delayed";
  groupId: string | undefined;
  deduplicationId: string | undefined;
  receiveCount: number;
  attributes: Record<string, string | undefined>;
};

export type EmbeddedQueuesOptions = {
  /** 0 takes any free port. */
  port?: number;
  /** Where messages are kept over a restart, and even over `kill -9`; without it they live in memory. */
  dataDir?: string;
};

let lastStart: Promise<unknown> = Promise.resolve();

/** SQS in this process (fauxqs), on loopback only. Starts wait for each other: each one borrows `net.Server.listen`. */
export function startEmbeddedQueues(options: EmbeddedQueuesOptions = {}): Promise<EmbeddedQueues> {
  const start = lastStart.then(() => startOnLoopback(options));
  lastStart = start.catch(() => undefined);
  return start;
}

async function startOnLoopback({ port = 0, dataDir }: EmbeddedQueuesOptions): Promise<EmbeddedQueues> {
  await repairCounts();
  if (dataDir !== undefined) await repairVisibilityZero();
  const restoreListen = listenOnLoopbackOnly();
  try {
    const server = await startFauxqs({
      port,
      logger: false,
      defaultRegion: LOCAL_REGION,
      ...(dataDir === undefined ? {} : { dataDir }),
    });
    if (!server.address.startsWith("http://127.0.0.1:")) {
      await server.stop();
      throw new Error(`the embedded queue listens on ${server.address}, not on loopback: has fauxqs changed?`);
    }
    return {
      endpoint: `http://127.0.0.1:${server.port}`,
      messagesIn: (queueName) => messagesIn(server, queueName),
      stop: () => server.stop(),
    };
  } finally {
    restoreListen();
  }
}

function messagesIn(server: FauxqsServer, queueName: string): QueuedMessage[] {
  const found = server.inspectQueue(queueName)?.messages;
  if (!found) throw new Error(`there is no queue ${queueName}`);
  const { ready, delayed, inflight } = found;
  return [
    ...inflight.map(({ message }) => ({ message, state: "in flight" as const })),
    ...ready.map((message) => ({ message, state: "ready" as const })),
    ...delayed.map((message) => ({ message, state: "delayed" as const })),
  ].map(({ message, state }) => ({
    body: message.body,
    state,
    groupId: message.messageGroupId,
    deduplicationId: message.messageDeduplicationId,
    receiveCount: message.approximateReceiveCount,
    attributes: Object.fromEntries(
      Object.entries(message.messageAttributes).map(([name, { StringValue }]) => [name, StringValue]),
    ),
  }));
}

/** fauxqs 2.4.1 always listens on 0.0.0.0, which would offer the queues to the whole network. */
function listenOnLoopbackOnly(): () => void {
  const listen = Server.prototype.listen;
  Server.prototype.listen = function (this: Server, ...parameters: unknown[]): Server {
    const [first, ...rest] = parameters;
    const isEverywhere = typeof first === "object" && first !== null && "host" in first && first.host === "0.0.0.0";
    return Reflect.apply(listen, this, isEverywhere ? [{ ...first, host: "127.0.0.1" }, ...rest] : parameters);
  };
  return () => {
    Server.prototype.listen = listen;
  };
}

let isCounting = false;

/** fauxqs 2.4.1 goes on counting as in flight what is visible again, until somebody receives: SQS does not. */
async function repairCounts(): Promise<void> {
  if (isCounting) return;
  isCounting = true;
  const { SqsQueue } = await import(new URL("./sqs/sqsStore.js", import.meta.resolve("fauxqs")).href);
  const { getAllAttributes } = SqsQueue.prototype;
  SqsQueue.prototype.getAllAttributes = function (...parameters: unknown[]): Record<string, string> {
    this.processTimers();
    return Reflect.apply(getAllAttributes, this, parameters);
  };
}

let isRepaired = false;

/**
 * fauxqs 2.4.1 clears the receive count as well when a stored message is given back with visibility 0. The table refuses
 * that, the message vanishes from memory and its group stays locked until a restart.
 */
async function repairVisibilityZero(): Promise<void> {
  if (isRepaired) return;
  const { PersistenceManager } = await import(new URL("./persistence.js", import.meta.resolve("fauxqs")).href);
  PersistenceManager.prototype.updateMessageReady = function (messageId: string): void {
    this.db
      .prepare("UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE message_id = ?")
      .run(messageId);
  };
  isRepaired = true;
}
