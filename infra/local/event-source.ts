import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { DeleteMessageCommand, type Message, ReceiveMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { FunctionContext, Handler } from "./functions.ts";
import { sqsRecord } from "./sqs-record.ts";

/** How an invocation ended, as Lambda would see it. */
type Ending = "done" | "reported" | "malformed" | "thrown" | "timed-out";
export type SettledInvocation = { functionName: string; body: string; ending: Ending; error?: unknown };

export type EventSourceOptions = {
  client: SQSClient;
  queue: { url: string; arn: string };
  functionName: string;
  handler: Handler;
  /** Messages of one group never run beside each other: the queue itself sees to that. */
  maximumConcurrency: number;
  timeoutSeconds: number;
  /** Hears of each message before its handler does. */
  onMessage?: (body: string) => void;
  onSettled?: (invocation: SettledInvocation) => void;
  /** The queue does not answer; the loop goes on trying. */
  onQueueTrouble?: (error: unknown) => void;
};

export type EventSource = {
  /**
   * Takes nothing new and lets running handlers finish (no longer than their time-out). `hangUp` breaks the waiting poll
   * off instead of letting it end: only where the queue ends as well. An emulator does not notice, and hands the next
   * message to nobody, which hides it for a whole visibility time-out.
   */
  stop(how?: { hangUp: boolean }): Promise<void>;
};

const POLL_SECONDS = 1;
/** A queue that was stopped while it held a poll may never answer: without an end nobody would poll it again. */
const ANSWER_WITHIN_MILLISECONDS = 10_000;
const PAUSE_AFTER_TROUBLE_MILLISECONDS = 250;

/** Lambda's event source mapping (batchSize 1, ReportBatchItemFailures) between one queue and one handler. */
export function startEventSource(options: EventSourceOptions): EventSource {
  const stopping = new AbortController();
  const hangingUp = new AbortController();
  const loop = poll(options, { stopping: stopping.signal, hangingUp: hangingUp.signal });
  return {
    stop: async (how) => {
      stopping.abort();
      if (how?.hangUp) hangingUp.abort();
      await loop;
    },
  };
}

type Signals = { stopping: AbortSignal; hangingUp: AbortSignal };

async function poll(options: EventSourceOptions, signals: Signals): Promise<void> {
  const running = new Set<Promise<void>>();
  while (!signals.stopping.aborted) {
    if (running.size >= options.maximumConcurrency) {
      await Promise.race(running);
      continue;
    }
    const message = await receive(options, signals);
    if (!message) continue;
    const invocation = handle(message, options).finally(() => running.delete(invocation));
    running.add(invocation);
  }
  await Promise.all(running);
}

async function receive({ client, queue, onQueueTrouble }: EventSourceOptions, { stopping, hangingUp }: Signals) {
  const command = new ReceiveMessageCommand({
    QueueUrl: queue.url,
    MaxNumberOfMessages: 1,
    WaitTimeSeconds: POLL_SECONDS,
    MessageSystemAttributeNames: ["All"],
    MessageAttributeNames: ["All"],
  });
  try {
    const answered = AbortSignal.timeout(ANSWER_WITHIN_MILLISECONDS);
    const { Messages } = await client.send(command, { abortSignal: AbortSignal.any([hangingUp, answered]) });
    return Messages?.[0];
  } catch (error) {
    if (stopping.aborted) return undefined;
    onQueueTrouble?.(error);
    await sleep(PAUSE_AFTER_TROUBLE_MILLISECONDS, undefined, { signal: stopping }).catch(() => undefined);
    return undefined;
  }
}

/**
 * Deletes the message only after the exact answer `{ batchItemFailures: [] }` within the time-out. After anything else
 * it is not touched: the visibility that the handler itself may have set must survive.
 */
async function handle(message: Message, options: EventSourceOptions): Promise<void> {
  const { client, queue, functionName, onMessage, onSettled, onQueueTrouble } = options;
  onMessage?.(message.Body ?? "");
  const { ending, error } = await invoke(message, options);
  if (ending === "done") {
    const command = new DeleteMessageCommand({ QueueUrl: queue.url, ReceiptHandle: message.ReceiptHandle });
    const abortSignal = AbortSignal.timeout(ANSWER_WITHIN_MILLISECONDS);
    await client.send(command, { abortSignal }).catch((trouble) => onQueueTrouble?.(trouble));
  }
  onSettled?.({ functionName, body: message.Body ?? "", ending, ...(error === undefined ? {} : { error }) });
}

async function invoke(message: Message, options: EventSourceOptions): Promise<{ ending: Ending; error?: unknown }> {
  const { handler, queue, functionName, timeoutSeconds } = options;
  const event = { Records: [sqsRecord(message, queue.arn)] };
  const timer = new AbortController();
  const timeout = sleep(timeoutSeconds * 1000, "timed-out" as const, { signal: timer.signal });
  timeout.catch(() => undefined); // aborted below, when the handler was quicker
  try {
    const answer = await Promise.race([handler(event, createContext(functionName, timeoutSeconds)), timeout]);
    return { ending: answer === "timed-out" ? answer : endingOf(answer) };
  } catch (error) {
    return { ending: "thrown", error };
  } finally {
    timer.abort();
  }
}

function endingOf(answer: unknown): Ending {
  if (typeof answer !== "object" || answer === null || !("batchItemFailures" in answer)) return "malformed";
  if (!Array.isArray(answer.batchItemFailures)) return "malformed";
  return answer.batchItemFailures.length === 0 ? "done" : "reported";
}

export function createContext(functionName: string, timeoutSeconds: number): FunctionContext {
  const deadline = Date.now() + timeoutSeconds * 1000;
  return {
    awsRequestId: randomUUID(),
    functionName,
    invokedFunctionArn: `arn:aws:lambda:eu-central-1:000000000000:function:${functionName}`,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}
