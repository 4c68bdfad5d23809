import { createHash } from "node:crypto";
import type { SQSRecord } from "aws-lambda";
import { Envelope, type Failure } from "./envelope.ts";
import type { Permanent, Retryable } from "./errors.ts";
import { log, subjectOf } from "./log.ts";
import { cleanText, type Sender } from "./queue.ts";
import { firstReceivedAt, receiveCount } from "./retries.ts";

/** A letter that repeats a hostile body must still fit into one message (1 MiB) after JSON has escaped it. */
const RAW_BODY_LIMIT = 100_000;

/** The letter of a stage that could not make its fact true. */
export function failureOf(
  stage: string,
  kind: "permanent" | "exhausted",
  { envelope, record, error }: { envelope: Envelope; record: SQSRecord; error: Permanent | Retryable },
): Failure {
  return {
    ...base(stage, record, envelope),
    class: kind,
    code: error.code,
    reason: cleanText(error.message),
    attempts: receiveCount(record),
    ...(error.request ? { request: error.request } : {}),
  };
}

/** The letter of a message that is no envelope: it keeps the raw body. */
export function invalidFailureOf(stage: string, record: SQSRecord, problem: string): Failure {
  return {
    ...base(stage, record, null),
    class: "permanent",
    code: "envelope.invalid",
    reason: problem,
    attempts: receiveCount(record),
  };
}

/** The letter of a message that SQS itself gave up on after `receives` tries. */
export function crashFailureOf(record: SQSRecord, receives: number): Failure {
  // Our own attribute: not every queue says which one a redriven message came from.
  const stage = record.messageAttributes["stage"]?.stringValue ?? "unknown";
  const { envelope } = parseEnvelope(record.body);
  return {
    ...base(stage, record, envelope ?? null),
    class: "crash",
    code: "stage.crashed",
    reason: `no answer in ${receives} receives: the ${stage} function crashed or ran into its time-out; look into its log for message ${record.messageId}`,
    attempts: receives,
    firstFailedAt: new Date(Number(record.attributes.SentTimestamp)).toISOString(),
  };
}

function base(stage: string, record: SQSRecord, envelope: Envelope | null) {
  const { hub, id } = envelope?.delivery ?? {};
  return {
    version: 1 as const,
    failureId: shortHash(envelope ? `${hub}:${id}:${stage}:${envelope.replay.number}` : `${stage}:${record.messageId}`),
    stage,
    firstFailedAt: firstReceivedAt(record).toISOString(),
    failedAt: new Date().toISOString(),
    envelope,
    ...(envelope ? {} : { rawBody: record.body.slice(0, RAW_BODY_LIMIT) }),
  };
}

/** Twelve hex digits of SHA-256: enough to tell apart everything that one deployment ever keeps at a time. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

/** Reads a queue message; `problem` says what is not as an envelope should be. */
export function parseEnvelope(body: string): { envelope: Envelope } | { envelope?: never; problem: string } {
  let content: unknown;
  try {
    content = JSON.parse(body);
  } catch {
    return { problem: "the message is not JSON" };
  }
  const parsed = Envelope.safeParse(content);
  if (parsed.success) return { envelope: parsed.data };
  const issues = parsed.error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join(".") || "(root)"}: ${issue.message}`);
  return { problem: `the message is not an envelope: ${issues.join("; ")}` };
}

/** Writes the letter. False when SQS did not take it: then the message must stay where it is. */
export async function writeLetter(sender: Sender, failure: Failure, record: SQSRecord): Promise<boolean> {
  const { code, reason, attempts, stage, failureId } = failure;
  const fields = {
    ...(failure.envelope ? subjectOf(failure.envelope) : {}),
    stage,
    code,
    attempt: attempts,
    failureId,
    messageId: record.messageId,
  };
  try {
    await sender.sendFailure(failure);
    log("stage.dead-lettered", { ...fields, outcome: failure.class, reason });
    return true;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    log("stage.not-dead-lettered", { ...fields, reason: `${reason} (and the letter could not be written: ${why})` });
    return false;
  }
}
