import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import type { Environment } from "#shared/config.ts";
import { crashFailureOf, writeLetter } from "#shared/letters.ts";
import { createSender, type Sender } from "#shared/queue.ts";
import { maxReceiveCount } from "#shared/retries.ts";

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
      const isDone =
        batchItemFailures.length === 0 &&
        (await writeLetter(sender, crashFailureOf(record, maxReceiveCount(environment)), record));
      if (!isDone) batchItemFailures.push({ itemIdentifier: record.messageId });
    }
    return { batchItemFailures };
  };
}
