import type { Received } from "./batch.ts";
import { SettingsError } from "./config.ts";
import { type Envelope, SYNC_HUB } from "./envelope.ts";
import { Permanent, Retryable } from "./errors.ts";
import { failureOf, writeLetter } from "./letters.ts";
import { log, subjectOf } from "./log.ts";
import type { StageName } from "./pipeline.ts";
import type { Sender } from "./queue.ts";
import { isExhausted, waitSeconds } from "./retries.ts";
import { why, whyAndWhat } from "./why.ts";

/** A message whose stage failed, and what is needed to settle it. */
export type Trouble = {
  stage: StageName;
  envelope: Envelope;
  message: Received;
  limits: { minutes: number; receives: number };
  sender: Sender;
  signal: AbortSignal;
};

/**
 * Settles a failure (README.md §4): a letter at once when trying again cannot help or when the message has had its time, else a
 * later visibility. True when the message is done with; false when it comes back.
 */
export async function settle(error: Permanent | Retryable, trouble: Trouble): Promise<boolean> {
  const { envelope, message, limits } = trouble;
  const isPlanned = isPlannedAgain(envelope);
  const minutes = isPlanned ? Math.min(SYNC_MINUTES, limits.minutes) : limits.minutes;
  if (error instanceof Retryable && !isExhausted(message, { ...limits, minutes }, new Date())) {
    await giveBack(error, trouble);
    return false;
  }
  if (isPlanned) {
    const fields = { ...subjectOf(envelope), stage: trouble.stage, attempt: message.receiveCount, code: error.code };
    log("stage.left-to-sync", { ...fields, reason: error.message });
    return true;
  }
  return await writeLetter(failureOf(error instanceof Permanent ? "permanent" : "exhausted", error, trouble), trouble);
}

/** Less than the time between two runs: else a person's line grows by one message at each, and their spawn waits behind. */
const SYNC_MINUTES = 4;

/**
 * What the sync wanted still differs at its next run, which asks again by itself: nothing is lost, and a letter at every run
 * would bury those that need a replay. What ops decided (a rebind, a replay) is asked once, and is a letter.
 */
function isPlannedAgain({ delivery, rebind, replay }: Envelope): boolean {
  return delivery.hub === SYNC_HUB && rebind === undefined && replay.number === 0;
}

/** What is not one of our two words for failing is a fault of ours or of the settings: the event waits for the mend. */
export function asStageError(thrown: unknown): Permanent | Retryable {
  if (thrown instanceof Permanent || thrown instanceof Retryable) return thrown;
  if (thrown instanceof SettingsError) return new Retryable("settings.wrong", thrown.message, { cause: thrown });
  return new Retryable("stage.unexpected", `unexpected: ${whyAndWhat(thrown)}`, { cause: thrown });
}

async function giveBack(error: Retryable, { stage, envelope, message, sender, signal }: Trouble): Promise<void> {
  const retryInSeconds = waitSeconds(message.receiveCount, error.retryAfterSeconds);
  const stack = error.code === "stage.unexpected" && error.cause instanceof Error ? error.cause.stack : undefined;
  const fields = {
    ...subjectOf(envelope),
    stage,
    attempt: message.receiveCount,
    code: error.code,
    ...(stack ? { stack } : {}),
  };
  try {
    await sender.giveBack(stage, message.receiptHandle, retryInSeconds, signal);
    log("stage.retried", { ...fields, reason: error.message, retryInSeconds });
  } catch (queueError) {
    // The queue's own visibility time-out brings the message back, only later.
    log("stage.retried", {
      ...fields,
      reason: `${error.message} (and it could not be given back: ${why(queueError)})`,
    });
  }
}
