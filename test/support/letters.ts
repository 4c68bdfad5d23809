import { SendMessageBatchCommand } from "@aws-sdk/client-sqs";
import type { Envelope, Failure } from "#shared/envelope.ts";
import { DEAD_LETTERS } from "#shared/pipeline.ts";
import { spawnOf } from "./envelopes.ts";
import type { TestQueues } from "./queues.ts";

let failures = 0;

/** A letter about `user`'s spawn that the account stage refused; every call is another failure of another delivery. */
export function letterOf(user: string, change: Partial<Failure> & { sent?: Partial<Envelope> } = {}): Failure {
  failures += 1;
  const { sent, ...rest } = change;
  return {
    version: 1,
    failureId: `f${String(failures).padStart(6, "0")}`,
    class: "permanent",
    stage: "account",
    code: "account.taken",
    reason: `Gitea account ${user} is somebody else's: it is a local account`,
    attempts: 1,
    firstFailedAt: "2026-11-24T09:00:02Z",
    failedAt: "2026-11-24T09:00:02Z",
    request: { method: "GET", path: `/users/${user}`, status: 200 },
    envelope: spawnOf(user, sent),
    ...rest,
  };
}

/** Puts letters, or whatever else, on the dead-letter queue: ten in a call. */
export async function sendLetters(queues: TestQueues, letters: readonly (Failure | string)[]): Promise<void> {
  for (let start = 0; start < letters.length; start += 10) {
    const Entries = letters.slice(start, start + 10).map((letter, index) => ({
      Id: String(index),
      MessageBody: typeof letter === "string" ? letter : JSON.stringify(letter),
    }));
    const command = new SendMessageBatchCommand({ QueueUrl: queues.queue(DEAD_LETTERS).url, Entries });
    const { Failed = [] } = await queues.client.send(command);
    if (Failed.length > 0) throw new Error(`SQS refuses a letter: ${Failed[0]?.Message}`);
  }
}
