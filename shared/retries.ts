import type { SQSRecord } from "aws-lambda";
import { type Environment, loadSettings } from "./config.ts";

const WAITS_SECONDS = [4, 8, 15, 45, 120, 300];
const LONGEST_RETRY_AFTER_SECONDS = 900;

/**
 * How long the `attempt`-th failure waits, in seconds: at random from the upper half of its step, so that a crowd that
 * failed together does not return together. 30 receives last at least an hour this way (DESIGN §1).
 */
export function waitSeconds(attempt: number, retryAfterSeconds: number | undefined, random = Math.random()): number {
  if (retryAfterSeconds !== undefined) {
    return Math.min(Math.max(1, Math.ceil(retryAfterSeconds)), LONGEST_RETRY_AFTER_SECONDS);
  }
  const step = WAITS_SECONDS[Math.min(attempt, WAITS_SECONDS.length) - 1] ?? 300;
  return Math.ceil(step / 2 + (step / 2) * random);
}

export function receiveCount(record: SQSRecord): number {
  return Number(record.attributes.ApproximateReceiveCount);
}

export function firstReceivedAt(record: SQSRecord): Date {
  return new Date(Number(record.attributes.ApproximateFirstReceiveTimestamp));
}

/**
 * Whether a message has had its time: `RETRY_FOR_MINUTES` since its *first receive*, so that waiting behind another message
 * costs nothing, or the last receive before SQS itself would move it into the net without a reason.
 */
export async function isExhausted(record: SQSRecord, environment: Environment): Promise<boolean> {
  if (receiveCount(record) >= maxReceiveCount(environment)) return true;
  // A wrong setting must not cost events: the longest time is taken, and the stage's own settings say what is wrong.
  const settings = await loadSettings(["retries"], environment).catch(() => undefined);
  const minutes = settings?.RETRY_FOR_MINUTES ?? 60;
  return Date.now() - firstReceivedAt(record).getTime() >= minutes * 60_000;
}

/** The queue's own limit, which the template puts beside it. */
export function maxReceiveCount(environment: Environment): number {
  return Number(environment["MAX_RECEIVE_COUNT"] ?? 30);
}
