import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import type { Environment } from "#shared/config.ts";
import { queueUrlVariable } from "#shared/pipeline.ts";
import { AwsTrouble } from "./aws-trouble.ts";
import { countsIn, createSqsClient, type QueueCounts } from "./sqs.ts";
import { ALL_QUEUES, type OpsQueue } from "./target.ts";

/** A queue's counts, as near as SQS tells them, or why it could not be asked. */
export type QueueState = { queue: OpsQueue; counts?: QueueCounts; trouble?: string };

/** Every queue that the environment knows, in the order of the journey; who has not answered when `signal` ends it is in trouble. */
export async function readQueues(environment: Environment, signal: AbortSignal): Promise<QueueState[]> {
  const client = createSqsClient(environment);
  const read = async (queue: OpsQueue): Promise<QueueState> => {
    const url = environment[queueUrlVariable(queue)];
    if (!url) return { queue, trouble: `${queueUrlVariable(queue)} is not set` };
    try {
      const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] });
      const answer = await client.send(command, { abortSignal: signal });
      return { queue, counts: countsIn(answer.Attributes ?? {}) };
    } catch (cause) {
      return { queue, trouble: AwsTrouble.of(cause, url).message };
    }
  };
  try {
    return await Promise.all(ALL_QUEUES.map(read));
  } finally {
    client.destroy();
  }
}
