import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { CRASHED, DEAD_LETTERS, DEPARTURES, type QueueName, queueUrlVariable, STAGES } from "#shared/pipeline.ts";
import { LOCAL_REGION, type QueuedMessage, startEmbeddedQueues } from "../../infra/local/embedded-queues.ts";
import { createQueues, type Queue, readQueues } from "../../infra/local/resources.ts";
import type { Parameters } from "../../infra/template.ts";
import { type FaultOf, startAwsRules } from "./aws-rules.ts";

type Name = QueueName | typeof CRASHED;

const NAMES: Name[] = [...STAGES, DEPARTURES, DEAD_LETTERS, CRASHED];

export type TestQueues = {
  endpoint: string;
  client: SQSClient;
  /** `QUEUE_URL_<NAME>` of every queue: what a handler or sender needs to find them. */
  environment: Record<string, string>;
  queue(name: Name): Queue;
  /** What lies in a queue, without receiving it. */
  messagesIn(name: Name): QueuedMessage[];
  /** Sends `body` (as JSON unless it is text) in a group; the attribute `stage` as shared/queue.ts sets it. */
  send(name: Name, body: unknown, ids?: { group?: string; deduplication?: string }): Promise<void>;
  /** Breaks the calls that `faultOf` names a fault for; `undefined` heals. */
  setFault(faultOf: FaultOf | undefined): void;
  stop(): Promise<void>;
};

/**
 * A fresh SQS in this process with all queues of infra/queues.yml, behind AWS's own rules on ids and attributes.
 * `parameters` are the template's, e.g. `{ visibilityTimeoutSeconds: 1, maxReceiveCount: 2 }`.
 */
export async function startQueues(parameters: Parameters = {}): Promise<TestQueues> {
  const embedded = await startEmbeddedQueues();
  const rules = await startAwsRules(embedded.endpoint);
  const { endpoint } = rules;
  const client = new SQSClient({
    endpoint,
    region: LOCAL_REGION,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const definitions = readQueues({ stage: "test", region: LOCAL_REGION, parameters });
  const queues = await createQueues(client, endpoint, definitions);
  const queue = (name: Name): Queue => {
    const found = queues.find((one) => one.queue === name);
    if (!found) throw new Error(`infra/queues.yml has no queue ${name}`);
    return found;
  };
  let sent = 0;
  return {
    endpoint,
    client,
    environment: Object.fromEntries(NAMES.map((name) => [queueUrlVariable(name), queue(name).url])),
    queue,
    messagesIn: (name) => embedded.messagesIn(queue(name).name),
    send: async (name, body, { group = "ada", deduplication = `test:${++sent}` } = {}) => {
      const isFifo = queue(name).name.endsWith(".fifo");
      const command = new SendMessageCommand({
        QueueUrl: queue(name).url,
        MessageBody: typeof body === "string" ? body : JSON.stringify(body),
        MessageAttributes: { stage: { DataType: "String", StringValue: name } },
        ...(isFifo ? { MessageGroupId: group, MessageDeduplicationId: deduplication } : {}),
      });
      await client.send(command);
    },
    setFault: rules.setFault,
    stop: async () => {
      client.destroy();
      await rules.stop();
      await embedded.stop();
    },
  };
}
