import type { Received } from "./batch.ts";
import { type Envelope, type Failure, withoutLearned } from "./envelope.ts";
import type { Permanent, Retryable } from "./errors.ts";
import { log, subjectOf } from "./log.ts";
import { parseEnvelope } from "./parse-envelope.ts";
import type { StageName } from "./pipeline.ts";
import { cleanText, type EnvelopeQueue, isCarriable, type Sender } from "./queue.ts";
import { shortHash } from "./short-hash.ts";
import { why } from "./why.ts";

/** A letter that repeats a hostile body must still fit into one message (1 MiB) after JSON has escaped it. */
const RAW_BODY_LIMIT = 100_000;
const REASON_LIMIT = 4_000;

/** The letter of a stage that could not make its fact true. */
export function failureOf(
  kind: "permanent" | "exhausted",
  error: Permanent | Retryable,
  { stage, envelope, message }: { stage: StageName; envelope: Envelope; message: Received },
): Failure {
  return {
    ...base(stage, message, envelope),
    class: kind,
    code: error.code,
    reason: cleanText(error.message.slice(0, REASON_LIMIT)),
    attempts: message.receiveCount,
    ...(error.request ? { request: error.request } : {}),
  };
}

/** The letter of a message that is no envelope: it keeps the raw body. */
export function invalidFailureOf(
  problem: string,
  { stage, message }: { stage: EnvelopeQueue; message: Received },
): Failure {
  return {
    ...base(stage, message, undefined),
    class: "permanent",
    code: "envelope.invalid",
    reason: problem,
    attempts: message.receiveCount,
  };
}

/** The letter of a message that SQS itself gave up on after `receives` tries. */
export function crashFailureOf(message: Received, receives: number): Failure {
  const { stage = "unknown", messageId } = message;
  return {
    ...base(stage, message, parseEnvelope(message.body).envelope),
    class: "crash",
    code: "stage.crashed",
    reason: `no answer in ${receives} receives: the ${stage} function crashed or ran into its time-out; look into its log for message ${messageId}`,
    attempts: receives,
    firstFailedAt: message.sentAt.toISOString(),
  };
}

function base(stage: string, message: Received, envelope: Envelope | undefined) {
  const { hub, id } = envelope?.delivery ?? {};
  return {
    version: 1 as const,
    failureId: shortHash(
      envelope ? `${hub}:${id}:${stage}:${envelope.replay.number}` : `${stage}:${message.messageId}`,
    ),
    stage,
    firstFailedAt: message.firstReceivedAt.toISOString(),
    failedAt: new Date().toISOString(),
    envelope: envelope ?? null,
    ...(envelope ? {} : { rawBody: message.body.slice(0, RAW_BODY_LIMIT) }),
  };
}

/** False when SQS did not take the letter: then the message must stay where it is. */
export async function writeLetter(
  failure: Failure,
  { sender, message, signal }: { sender: Sender; message: Received; signal: AbortSignal },
): Promise<boolean> {
  const { code, reason, attempts, stage, failureId, envelope } = failure;
  const fields = {
    ...(envelope ? subjectOf(envelope) : {}),
    stage,
    code,
    attempt: attempts,
    failureId,
    messageId: message.messageId,
  };
  // What was learned helps people only: a replay learns it again.
  const letter = envelope && !isCarriable(failure) ? { ...failure, envelope: withoutLearned(envelope) } : failure;
  try {
    await sender.sendFailure(letter, signal);
    log("stage.dead-lettered", { ...fields, outcome: failure.class, reason });
    return true;
  } catch (cause) {
    const reasons = `${reason} (and the letter could not be written: ${why(cause)})`;
    log("stage.not-dead-lettered", { ...fields, reason: reasons });
    return false;
  }
}
