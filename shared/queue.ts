import {
  ChangeMessageVisibilityCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import type { Environment } from "./config.ts";
import type { Envelope, Failure } from "./envelope.ts";
import { Permanent, Retryable } from "./errors.ts";
import { DEAD_LETTERS, DEPARTURES, type QueueName, queueUrlVariable, type StageName } from "./pipeline.ts";
import { deduplicationId, groupId, personGroup } from "./queue-ids.ts";
import { whyAndWhat } from "./why.ts";

/** SQS takes 1 MiB with all attributes (SQS quotas, since August 2025); ours has one small attribute. */
const LARGEST_BODY_BYTES = 2 ** 20 - 1024;

/** Puts messages on hubforge's queues. Every promise settles only after SQS has answered, or `signal` has ended it. */
export type Sender = {
  /** @throws Retryable `queue.unreachable`; Permanent `envelope.too-large` */
  sendEnvelope(stage: StageName, envelope: Envelope, signal?: AbortSignal): Promise<void>;
  /** Up to 10 at once; tells which of them SQS did not take. @throws Retryable `queue.unreachable` */
  sendBatch(queue: EnvelopeQueue, envelopes: readonly Envelope[], signal: AbortSignal): Promise<Refused[]>;
  /** @throws Retryable `queue.unreachable` */
  sendFailure(failure: Failure, signal?: AbortSignal): Promise<void>;
  /** Gives a received message back after `seconds` (0 – 43,200) instead of its queue's own visibility time-out. */
  giveBack(stage: StageName, receiptHandle: string, seconds: number, signal: AbortSignal): Promise<void>;
};

/** Where envelopes lie: before a stage, or in the departures' delay. */
export type EnvelopeQueue = StageName | typeof DEPARTURES;
export type Refused = { envelope: Envelope; reason: string };

/** SendMessageBatch takes no more. */
export const BATCH_SIZE = 10;

/** Queue URLs come from `QUEUE_URL_<NAME>`, another server from `AWS_ENDPOINT_URL`; region and credentials as every AWS client finds them. */
export function createSender(environment: Environment): Sender {
  const endpoint = environment["AWS_ENDPOINT_URL"];
  const client = new SQSClient(endpoint ? { endpoint } : {});
  const send = async (
    queue: QueueName,
    message: Omit<SendMessageCommand["input"], "QueueUrl">,
    signal?: AbortSignal,
  ) => {
    const command = new SendMessageCommand({ QueueUrl: queueUrl(environment, queue), ...message });
    await reached(queue, client.send(command, signal ? { abortSignal: signal } : {}));
  };
  return {
    sendEnvelope: async (stage, envelope, signal) => {
      if (!isCarriable(envelope)) {
        throw new Permanent("envelope.too-large", `what is known about ${envelope.delivery.user} exceeds 1 MiB`);
      }
      await send(stage, messageOf(stage, envelope), signal);
    },
    sendBatch: async (queue, envelopes, signal) => {
      const Entries = envelopes.map((envelope, place) => ({ Id: String(place), ...messageOf(queue, envelope) }));
      const command = new SendMessageBatchCommand({ QueueUrl: queueUrl(environment, queue), Entries });
      const { Successful = [], Failed = [] } = await reached(queue, client.send(command, { abortSignal: signal }));
      const accepted = new Set(Successful.map(({ Id }) => Id));
      const reasons = new Map(Failed.map(({ Id, Code, Message }) => [Id, `${Code}: ${Message}`]));
      return envelopes.flatMap((envelope, place) => {
        const id = String(place);
        return accepted.has(id) ? [] : [{ envelope, reason: reasons.get(id) ?? "SQS did not say that it took it" }];
      });
    },
    sendFailure: (failure, signal) => send(DEAD_LETTERS, { MessageBody: messageBody(failure) }, signal),
    giveBack: async (stage, receiptHandle, seconds, signal) => {
      const command = new ChangeMessageVisibilityCommand({
        QueueUrl: queueUrl(environment, stage),
        ReceiptHandle: receiptHandle,
        VisibilityTimeout: seconds,
      });
      await reached(stage, client.send(command, { abortSignal: signal }));
    },
  };
}

function queueUrl(environment: Environment, queue: QueueName): string {
  const url = environment[queueUrlVariable(queue)];
  if (!url)
    throw new Retryable(
      "settings.wrong",
      `${queueUrlVariable(queue)} is not set: this function may not use that queue`,
    );
  return url;
}

function messageOf(queue: EnvelopeQueue, envelope: Envelope) {
  return {
    MessageBody: messageBody(envelope),
    MessageGroupId: groupOf(queue, envelope),
    MessageDeduplicationId: deduplicationOf(queue, envelope),
    // Survives the native redrive, so that the crash net knows where a message came from.
    MessageAttributes: { stage: { DataType: "String", StringValue: queue } },
  };
}

async function reached<Result>(queue: QueueName, answer: Promise<Result>): Promise<Result> {
  try {
    return await answer;
  } catch (cause) {
    throw new Retryable("queue.unreachable", `queue ${queue} did not accept: ${whyAndWhat(cause)}`, { cause });
  }
}

/** Whose place in line a message takes (README.md §2): before we know the human, the name typed; afterwards the human. */
function groupOf(stage: EnvelopeQueue, envelope: Envelope): string {
  if (stage === "identity" || stage === "release" || stage === DEPARTURES) return personGroup(envelope.delivery.user);
  return groupId(
    envelope.rebind?.from ?? envelope.identity?.directoryId ?? envelope.directoryId ?? envelope.delivery.user,
  );
}

function deduplicationOf(stage: EnvelopeQueue, envelope: Envelope): string {
  const { hub, id } = envelope.delivery;
  return deduplicationId({ hub, id, stage, replay: envelope.replay.number });
}

/** Whether it fits into one message. */
export function isCarriable(content: Envelope | Failure): boolean {
  return Buffer.byteLength(messageBody(content)) <= LARGEST_BODY_BYTES;
}

/** Characters beyond U+FFFF travel as JSON escapes: SQS takes them, but fauxqs 2.4.1 refuses every emoji. */
function messageBody(content: Envelope | Failure): string {
  return cleanText(JSON.stringify(content)).replace(/[\u{10000}-\u{10FFFF}]/gu, (character) =>
    character
      .split("")
      .map((half) => `\\u${half.charCodeAt(0).toString(16)}`)
      .join(""),
  );
}

/**
 * What SQS cannot carry becomes U+FFFD: everything outside the characters of XML 1.0 (SendMessage, "Message" in the SQS
 * API reference). JSON escapes control characters and lone surrogates by itself, but leaves U+FFFE and U+FFFF as they are.
 */
export function cleanText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters in question
  return text.toWellFormed().replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, "\uFFFD");
}
