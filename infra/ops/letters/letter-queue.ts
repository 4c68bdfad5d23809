import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import type { Environment } from "#shared/config.ts";
import { DEAD_LETTERS, queueUrlVariable } from "#shared/pipeline.ts";
import { AwsTrouble } from "../aws-trouble.ts";
import { isLoopback } from "../loopback.ts";
import { soonAfter } from "../patience.ts";
import { countsIn, createSqsClient, type QueueCounts } from "../sqs.ts";

/** The calls of SQS that reading letters needs; nothing is decided here. Every failure is a AwsTrouble. */
export type LetterQueue = {
  counts(): Promise<QueueCounts>;
  /** Up to 10 messages, hidden from every other reader for `holdSeconds`. Waits up to `waitSeconds` for one. */
  receive(options: { holdSeconds: number; waitSeconds: number }): Promise<Message[]>;
  /** An emulator on this machine: "nothing" is true at once. Each of SQS's servers knows only a part. */
  isExact: boolean;
  /** Hides up to 10 held messages for `seconds` from now on. Returns the receipts that SQS refused. */
  hide(receipts: readonly string[], seconds: number): Promise<string[]>;
  /** Deletes up to 10 held messages. Returns the receipts that SQS refused. */
  delete(receipts: readonly string[]): Promise<string[]>;
  close(): void;
};

/** SQS takes ten at most in one call. */
export const BATCH = 10;

/**
 * `QUEUE_URL_DEAD_LETTERS` of the environment; region, credentials and another endpoint as every AWS client finds them.
 * `signal` ends the waiting for counts at once and for letters soon; what gives back and deletes goes on after it.
 */
export function openLetterQueue(environment: Environment, signal?: AbortSignal): LetterQueue {
  const variable = queueUrlVariable(DEAD_LETTERS);
  const url = environment[variable];
  if (!url) throw new AwsTrouble(`${variable} is not set: which queue holds the dead letters?`);
  const isExact = isLoopback(environment["AWS_ENDPOINT_URL"] ?? url);
  return letterQueueAt(createSqsClient(environment), { url, isExact, signal });
}

type Place = { url: string; isExact: boolean; signal: AbortSignal | undefined };

function letterQueueAt(client: SQSClient, { url, isExact, signal }: Place): LetterQueue {
  const atOnce = signal && { abortSignal: signal };
  const soon = signal && { abortSignal: soonAfter(signal) };
  const reached = async <Value>(answer: Promise<Value>): Promise<Value> => {
    try {
      return await answer;
    } catch (cause) {
      throw AwsTrouble.of(cause, url);
    }
  };
  return {
    counts: async () => {
      const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] });
      return countsIn((await reached(client.send(command, atOnce))).Attributes ?? {});
    },
    receive: async ({ holdSeconds, waitSeconds }) => {
      const command = new ReceiveMessageCommand({
        QueueUrl: url,
        MaxNumberOfMessages: BATCH,
        VisibilityTimeout: holdSeconds,
        WaitTimeSeconds: waitSeconds,
        MessageSystemAttributeNames: ["SentTimestamp"],
      });
      return (await reached(client.send(command, soon))).Messages ?? [];
    },
    hide: async (receipts, seconds) => {
      const Entries = receipts.map((ReceiptHandle, index) => ({
        Id: String(index),
        ReceiptHandle,
        VisibilityTimeout: seconds,
      }));
      const answer = await reached(client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries })));
      return refusedIn(answer.Failed, receipts);
    },
    delete: async (receipts) => {
      const Entries = receipts.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
      const answer = await reached(client.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries })));
      return refusedIn(answer.Failed, receipts);
    },
    isExact,
    close: () => client.destroy(),
  };
}

function refusedIn(failed: { Id?: string | undefined }[] | undefined, receipts: readonly string[]): string[] {
  return (failed ?? []).flatMap(({ Id }) => receipts[Number(Id)] ?? []);
}
