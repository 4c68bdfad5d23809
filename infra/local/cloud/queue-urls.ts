import { GetQueueUrlCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { Place } from "../../template.ts";
import { type Queue, reachableUrl, readQueues } from "../resources.ts";

/** The deployed queues, with URLs that can be reached. */
export async function queueUrls(client: SQSClient, endpoint: string, place: Place): Promise<Queue[]> {
  return await Promise.all(
    readQueues(place).map(async (definition) => {
      const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: definition.name }));
      return { ...definition, url: reachableUrl(QueueUrl, endpoint) };
    }),
  );
}
