import type { Received } from "./batch.ts";
import type { Environment } from "./config.ts";

/** How long the first, second … failure waits, in seconds (README.md §4); the last one stands for all that follow. */
const WAITS_SECONDS = [4, 8, 15, 45, 120, 300] as const;
const LONGEST_WAIT_SECONDS = 300;
const LONGEST_RETRY_AFTER_SECONDS = 900;

/** The default and the maximum of `RETRY_FOR_MINUTES`: 30 receives last at least that long. */
export const RETRY_FOR_MINUTES_MAXIMUM = 60;

/**
 * How long the `attempt`-th failure waits, in whole seconds: at random from the upper half of its step, so that a crowd that
 * failed together does not return together. A `Retry-After` only ever lengthens it: a Gitea that says "1 second" for half a
 * minute must not use up all 30 receives.
 */
export function waitSeconds(attempt: number, retryAfterSeconds = 0, random = Math.random()): number {
  const step = WAITS_SECONDS[attempt - 1] ?? LONGEST_WAIT_SECONDS;
  const own = Math.ceil(step / 2 + (step / 2) * random);
  return Math.max(own, Math.min(Math.ceil(retryAfterSeconds), LONGEST_RETRY_AFTER_SECONDS));
}

/**
 * Whether a message has had its time: `minutes` since its *first receive*, so that waiting behind another message costs
 * nothing, or the last receive before SQS itself would move it into the net without a reason.
 */
export function isExhausted(message: Received, limits: { minutes: number; receives: number }, now: Date): boolean {
  const waitedMilliseconds = now.getTime() - message.firstReceivedAt.getTime();
  return message.receiveCount >= limits.receives || waitedMilliseconds >= limits.minutes * 60_000;
}

/** The queue's own limit, which the template puts beside it. */
export function maxReceiveCount(environment: Environment): number {
  return Number(environment["MAX_RECEIVE_COUNT"]) || 30;
}
