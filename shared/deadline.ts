import type { LambdaContext } from "./batch.ts";

/** Of Lambda's time so much may pass before a letter, a give-back or a last line of the log has been written. */
export const LAST_WORDS_SHARE = 0.95;

/** That share of the time that Lambda still gives, and no more than `maximum`. */
export function within(context: LambdaContext, share: number, maximum = Number.POSITIVE_INFINITY): AbortSignal {
  const left = Math.max(0, context.getRemainingTimeInMillis());
  return AbortSignal.timeout(Math.min(maximum, Math.floor(left * share)));
}
