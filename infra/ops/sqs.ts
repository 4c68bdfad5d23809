import { SQSClient } from "@aws-sdk/client-sqs";
import type { Environment } from "#shared/config.ts";
import { AWS_PATIENCE } from "./patience.ts";

/** `AWS_ENDPOINT_URL` wins over the host in a queue's URL: emulators put names there that do not resolve. */
export function createSqsClient(environment: Environment): SQSClient {
  const endpoint = environment["AWS_ENDPOINT_URL"];
  const region = environment["AWS_REGION"];
  return new SQSClient({
    requestHandler: AWS_PATIENCE,
    ...(endpoint ? { endpoint, useQueueUrlAsEndpoint: false } : {}),
    ...(region ? { region } : {}),
  });
}

/** SQS counts approximately; `held` is in somebody's hands: a function's, or a reader's. */
export type QueueCounts = { waiting: number; held: number; delayed: number };

export function countsIn(attributes: Partial<Record<string, string>>): QueueCounts {
  const count = (name: string) => Number(attributes[name]) || 0;
  return {
    waiting: count("ApproximateNumberOfMessages"),
    held: count("ApproximateNumberOfMessagesNotVisible"),
    delayed: count("ApproximateNumberOfMessagesDelayed"),
  };
}
