import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SetQueueAttributesCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import * as z from "zod";
import { stackName } from "../stage-names.ts";
import { type Place, Reference, readTemplate } from "../template.ts";
import { LOCAL_ACCOUNT } from "./embedded-queues.ts";

export type QueueDefinition = {
  /** Its name in the template, e.g. `IdentityQueue`. */
  logicalId: string;
  /** e.g. `hubforge-local-identity.fifo` */
  name: string;
  /** As shared/pipeline.ts calls it, e.g. `identity`. */
  queue: string;
  arn: string;
  /** As CreateQueue takes them: every value a string. */
  attributes: Record<string, string>;
};
export type Queue = QueueDefinition & { url: string };

const Attribute = z.union([z.string(), z.number(), z.boolean(), z.record(z.string(), z.unknown())]);
const QueueResource = z.object({
  Type: z.literal("AWS::SQS::Queue"),
  Properties: z.object({ QueueName: z.string() }).catchall(Attribute),
});
const QueueFile = z.object({ Resources: z.record(z.string(), QueueResource) });

/** All queues of `infra/queues.yml`; a queue comes after the net that it points to. */
export function readQueues(place: Place): QueueDefinition[] {
  const { Resources } = QueueFile.parse(readTemplate("infra/queues.yml", place));
  const entries = Object.entries(Resources);
  const arnOf = (name: string) => `arn:aws:sqs:${place.region}:${LOCAL_ACCOUNT}:${name}`;
  const arns = new Map(entries.map(([logicalId, { Properties }]) => [logicalId, arnOf(Properties.QueueName)]));
  return entries
    .map(
      ([
        logicalId,
        {
          Properties: { QueueName: name, ...attributes },
        },
      ]) => ({
        logicalId,
        name,
        queue: name.replace(stackName(place, ""), "").replace(/\.fifo$/, ""),
        arn: arnOf(name),
        attributes: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, asText(value, arns)])),
      }),
    )
    .toSorted((one, other) => Number("RedrivePolicy" in one.attributes) - Number("RedrivePolicy" in other.attributes));
}

function asText(value: unknown, arns: ReadonlyMap<string, string>): string {
  return typeof value === "object" ? JSON.stringify(withArns(value, arns)) : String(value);
}

function withArns(value: unknown, arns: ReadonlyMap<string, string>): unknown {
  const reference = Reference.safeParse(value);
  if (reference.success) {
    const [logicalId] = reference.data["Fn::GetAtt"];
    const arn = arns.get(logicalId);
    if (arn === undefined) throw new Error(`infra/queues.yml points to ${logicalId}, which is not among its queues`);
    return arn;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withArns(inner, arns)]));
}

/** Makes the queues that are missing at `endpoint` and corrects the attributes of those that are there; messages stay. */
export async function createQueues(
  client: SQSClient,
  endpoint: string,
  definitions: QueueDefinition[],
): Promise<Queue[]> {
  const queues: Queue[] = [];
  for (const definition of definitions)
    queues.push({ ...definition, url: await ensureQueue(client, endpoint, definition) });
  return queues;
}

async function ensureQueue(
  client: SQSClient,
  endpoint: string,
  { name, attributes }: QueueDefinition,
): Promise<string> {
  try {
    const made = await client.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
    return reachableUrl(made.QueueUrl, endpoint);
  } catch (error) {
    // Emulators differ in the prefix of the name; every one ends so when the queue exists with other attributes.
    if (!(error instanceof Error && error.name.endsWith("QueueNameExists"))) throw error;
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: name }));
    const { Attributes = {} } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
    // Only what differs: not every emulator can set every attribute that it takes at creation.
    const present = new Map(Object.entries(Attributes));
    const wanted = Object.entries(attributes).filter(([key, value]) => present.get(key) !== value);
    await client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: Object.fromEntries(wanted) }));
    return reachableUrl(QueueUrl, endpoint);
  }
}

/**
 * Clients connect to the host of the queue's URL. Emulators put names there that do not resolve
 * (`sqs.eu-central-1.localhost`) or the port of an earlier run, and accept the path on their own address.
 */
export function reachableUrl(queueUrl: string | undefined, endpoint: string): string {
  return new URL(new URL(queueUrl ?? "").pathname, endpoint).href;
}
