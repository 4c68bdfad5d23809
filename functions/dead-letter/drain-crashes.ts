import { type BatchHandler, batchHandler } from "#shared/batch.ts";
import type { Environment } from "#shared/config.ts";
import { LAST_WORDS_SHARE, within } from "#shared/deadline.ts";
import { crashFailureOf, writeLetter } from "#shared/letters.ts";
import { createSender } from "#shared/queue.ts";
import { maxReceiveCount } from "#shared/retries.ts";

/**
 * What SQS itself gave up on, because a function crashed or never ended, becomes a letter of class `crash` like every
 * other: ops have one place to look. A message that could not be written stays in the net.
 */
export function drainCrashes(environment: Environment = process.env): BatchHandler {
  const sender = createSender(environment);
  const receives = maxReceiveCount(environment);
  return batchHandler((message, context) => {
    const signal = within(context, LAST_WORDS_SHARE);
    return writeLetter(crashFailureOf(message, receives), { sender, message, signal });
  });
}
