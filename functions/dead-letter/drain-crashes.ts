import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { Envelope, type Failure } from "#shared/envelope.ts";
import { log } from "#shared/log.ts";
import { createSender, failureId, RAW_BODY_LIMIT, type Sender, shortHash } from "#shared/queue.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What SQS itself gave up on, because a function crashed or never ended, becomes a letter of class `crash` like every
 * other: ops have one place to look. A message that could not be written stays in the net.
 */
export function drainCrashes(environment: Environment = process.env): (event: SQSEvent) => Promise<SQSBatchResponse> {
  let sender: Sender | undefined;
  return async (event) => {
    sender ??= createSender(environment);
    const batchItemFailures: { itemIdentifier: string }[] = [];
    for (const record of event.Records) {
      const isDone = batchItemFailures.length === 0 && (await bury(record, sender, environment));
      if (!isDone) batchItemFailures.push({ itemIdentifier: record.messageId });
    }
    return { batchItemFailures };
  };
}

async function bury(record: SQSRecord, sender: Sender, environment: Environment): Promise<boolean> {
  const failure = crashLetter(record, Number(environment["MAX_RECEIVE_COUNT"] ?? 30));
  const { stage, code, reason, attempts } = failure;
  const fields = { stage, code, attempt: attempts, failureId: failure.failureId, messageId: record.messageId };
  try {
    await sender.sendFailure(failure);
    log("stage.crashed", { ...fields, reason });
    return true;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    log("stage.not-dead-lettered", { ...fields, reason: `${reason} (and the letter could not be written: ${why})` });
    return false;
  }
}

function crashLetter(record: SQSRecord, receives: number): Failure {
  const stage = record.messageAttributes["stage"]?.stringValue ?? "unknown";
  const envelope = envelopeIn(record.body);
  return {
    version: 1,
    failureId: envelope ? failureId(envelope, stage) : shortHash(`${stage}:${record.messageId}`),
    class: "crash",
    stage,
    code: "stage.crashed",
    reason: `no answer in ${receives} receives: the ${stage} function crashed or ran into its time-out; look into its log for message ${record.messageId}`,
    attempts: receives,
    firstFailedAt: new Date(Number(record.attributes.SentTimestamp)).toISOString(),
    failedAt: new Date().toISOString(),
    envelope,
    ...(envelope ? {} : { rawBody: record.body.slice(0, RAW_BODY_LIMIT) }),
  };
}

function envelopeIn(body: string): Envelope | null {
  try {
    return Envelope.parse(JSON.parse(body));
  } catch {
    return null; // not an envelope: the letter keeps the raw body instead
  }
}
