import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from "@aws-sdk/client-sqs";

/** What one fact is looked at with: fresh queues on one engine. */
type Bench = ReturnType<typeof benchOn>;
/** A fact about SQS FIFO queues: what AWS's documentation says, and how to see what an engine does, in few words. */
export type Fact = { fact: string; aws: string; see(bench: Bench): Promise<string> };

export function benchOn(endpoint: string) {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const client = new SQSClient({ endpoint, region: "eu-central-1", credentials });
  let made = 0;
  const queue = async (attributes: Record<string, string> = {}, isFifo = true) => {
    made += 1;
    const QueueName = `fact-${made}-${process.pid}${isFifo ? ".fifo" : ""}`;
    const Attributes = { ...(isFifo && { FifoQueue: "true" }), VisibilityTimeout: "30", ...attributes };
    const { QueueUrl = "" } = await client.send(new CreateQueueCommand({ QueueName, Attributes }));
    return new URL(new URL(QueueUrl).pathname, endpoint).href;
  };
  const arn = async (QueueUrl: string) => {
    const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] });
    return (await client.send(command)).Attributes?.["QueueArn"] ?? "";
  };
  const send = (QueueUrl: string, MessageBody: string, group: string, id: string, more: object = {}) =>
    client.send(
      new SendMessageCommand({ QueueUrl, MessageBody, MessageGroupId: group, MessageDeduplicationId: id, ...more }),
    );
  const receive = async (QueueUrl: string, count = 10, seconds = 0) => {
    const command = new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: count,
      WaitTimeSeconds: seconds,
      MessageSystemAttributeNames: ["All"],
    });
    return (await client.send(command)).Messages ?? [];
  };
  const bodies = async (QueueUrl: string, count = 10) =>
    (await receive(QueueUrl, count)).map(({ Body }) => Body).join(" ");
  const remove = (QueueUrl: string, ReceiptHandle: string | undefined) =>
    client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  const show = (QueueUrl: string, ReceiptHandle: string | undefined, VisibilityTimeout: number) =>
    client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout }));
  const moveAll = (SourceArn: string) => client.send(new StartMessageMoveTaskCommand({ SourceArn }));
  return { queue, arn, send, receive, bodies, remove, show, moveAll, close: () => client.destroy() };
}

/** `refused`, or `taken` where the engine does it. */
const tried = (work: Promise<unknown>) =>
  work.then(
    () => "taken",
    () => "refused",
  );

const SCOPED = { DeduplicationScope: "messageGroup", FifoThroughputLimit: "perMessageGroupId" };

export const FACTS: Fact[] = [
  {
    fact: "a group waits while one of its messages is in flight, others do not",
    aws: "a1, then b1",
    see: async ({ queue, send, bodies }) => {
      const url = await queue();
      for (const [body, group] of [
        ["a1", "a"],
        ["a2", "a"],
        ["b1", "b"],
      ] as const)
        await send(url, body, group, body);
      return `${await bodies(url, 1)}, then ${await bodies(url)}`;
    },
  },
  {
    fact: "after a delete the group goes on",
    aws: "a2",
    see: async ({ queue, send, receive, remove, bodies }) => {
      const url = await queue();
      for (const body of ["a1", "a2"]) await send(url, body, "a", body);
      const [first] = await receive(url, 1);
      await remove(url, first?.ReceiptHandle);
      return await bodies(url);
    },
  },
  {
    fact: "messages of one group in one receive of 10",
    aws: "10 of 12",
    see: async ({ queue, send, receive }) => {
      const url = await queue();
      for (let index = 0; index < 12; index += 1) await send(url, `${index}`, "a", `${index}`);
      return `${(await receive(url)).length} of 12`;
    },
  },
  {
    fact: "an id again within 5 minutes, also after the delete",
    aws: "dropped",
    see: async ({ queue, send, receive, remove }) => {
      const url = await queue();
      await send(url, "first", "a", "same");
      const [first] = await receive(url, 1);
      await remove(url, first?.ReceiptHandle);
      await send(url, "second", "a", "same");
      return (await receive(url)).length === 0 ? "dropped" : "delivered";
    },
  },
  {
    fact: "the scope messageGroup: one id in the groups a, b, a",
    aws: "a b",
    see: async ({ queue, send, receive }) => {
      const url = await queue(SCOPED);
      for (const group of ["a", "b", "a"]) await send(url, group, group, "same");
      const found = [...(await receive(url)), ...(await receive(url))];
      return found
        .map(({ Body }) => Body)
        .toSorted()
        .join(" ");
    },
  },
  {
    fact: "visibility 0 gives a message back at once",
    aws: "a1, received 2 times",
    see: async ({ queue, send, receive, show }) => {
      const url = await queue();
      await send(url, "a1", "a", "1");
      const [first] = await receive(url, 1);
      await show(url, first?.ReceiptHandle, 0);
      const [again] = await receive(url, 1, 2);
      return `${again?.Body}, received ${again?.Attributes?.["ApproximateReceiveCount"]} times`;
    },
  },
  {
    fact: "a delete with the receipt of an earlier receive",
    aws: "(not documented for FIFO)",
    see: async ({ queue, send, receive, show, remove }) => {
      const url = await queue();
      await send(url, "a1", "a", "1");
      const [first] = await receive(url, 1);
      await show(url, first?.ReceiptHandle, 0);
      await receive(url, 1, 2);
      return await tried(remove(url, first?.ReceiptHandle));
    },
  },
  {
    fact: "a delay of one message",
    aws: "refused",
    see: async ({ queue, send }) => tried(send(await queue(), "a1", "a", "1", { DelaySeconds: 5 })),
  },
  {
    fact: "more than 10 message attributes",
    aws: "refused",
    see: async ({ queue, send }) => {
      const names = Array.from({ length: 11 }, (_, index) => [`n${index}`, { DataType: "String", StringValue: "x" }]);
      return tried(send(await queue(), "a1", "a", "1", { MessageAttributes: Object.fromEntries(names) }));
    },
  },
  {
    fact: "no group, or no deduplication id",
    aws: "refused, refused",
    see: async ({ queue, send }) => {
      const url = await queue();
      return `${await tried(send(url, "a1", "", "1"))}, ${await tried(send(url, "a1", "a", ""))}`;
    },
  },
  {
    fact: "1 MiB, and a byte more",
    aws: "taken, refused",
    see: async ({ queue, send }) => {
      const url = await queue();
      const body = "x".repeat(2 ** 20);
      return `${await tried(send(url, body, "a", "1"))}, ${await tried(send(url, `${body}x`, "a", "2"))}`;
    },
  },
  {
    fact: "after maxReceiveCount 1 a message is in the net, and its group goes on",
    aws: "net: a1, queue: a2",
    see: async ({ queue, arn, send, receive, show, bodies }) => {
      const net = await queue();
      const policy = { deadLetterTargetArn: await arn(net), maxReceiveCount: "1" };
      const url = await queue({ RedrivePolicy: JSON.stringify(policy) });
      for (const body of ["a1", "a2"]) await send(url, body, "a", body);
      const [first] = await receive(url, 1);
      await show(url, first?.ReceiptHandle, 0);
      const next = await bodies(url, 1);
      return `net: ${await bodies(net)}, queue: ${next || (await bodies(url, 1))}`;
    },
  },
  {
    fact: "a standard queue as the net of a FIFO one",
    aws: "refused",
    see: async ({ queue, arn }) => {
      const policy = { deadLetterTargetArn: await arn(await queue({}, false)), maxReceiveCount: "3" };
      return tried(queue({ RedrivePolicy: JSON.stringify(policy) }));
    },
  },
  {
    fact: "StartMessageMoveTask from a FIFO net",
    aws: "taken",
    see: async ({ queue, arn, moveAll }) => {
      const net = await arn(await queue());
      await queue({ RedrivePolicy: JSON.stringify({ deadLetterTargetArn: net, maxReceiveCount: "1" }) });
      return tried(moveAll(net));
    },
  },
];
