import { SQSClient } from "@aws-sdk/client-sqs";
import type { Environment } from "#shared/config.ts";
import { AWS_PATIENCE } from "./patience.ts";

/** `AWS_ENDPOINT_URL` wins over the host in a queue's URL: emulators put names there that do not resolve. */
export function createSqsClient(environment: Environment): SQSClient {
  const endpoint = environment["AWS_ENDPOINT_URL"];
  const region = regionIn(environment);
  return new SQSClient({
    requestHandler: AWS_PATIENCE,
    ...(endpoint ? { endpoint, useQueueUrlAsEndpoint: false } : {}),
    ...(region ? { region } : {}),
  });
}

/** Where it is set; else AWS's client looks into the profile. */
export function regionIn({ AWS_REGION, AWS_DEFAULT_REGION }: Environment): string | undefined {
  return AWS_REGION ?? AWS_DEFAULT_REGION;
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
