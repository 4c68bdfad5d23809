import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import {
  ChangeMessageVisibilityCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { afterEach, describe, expect, it } from "vitest";
import { LOCAL_REGION, startEmbeddedQueues } from "../infra/local/embedded-queues.ts";
import { createQueues, readQueues } from "../infra/local/resources.ts";
import type { Parameters } from "../infra/template.ts";
import { eventually } from "./support/eventually.ts";
import { startQueues } from "./support/queues.ts";

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function testQueues() {
  const queues = await startQueues();
  endings.push(queues.stop);
  return queues;
}

/** The account queue of an embedded SQS, as `infra/queues.yml` makes it with these parameters. */
async function accountQueue(endpoint: string, parameters: Parameters = {}) {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const client = new SQSClient({ endpoint, region: LOCAL_REGION, credentials });
  const made = await createQueues(client, endpoint, readQueues({ stage: "test", region: LOCAL_REGION, parameters }));
  const QueueUrl = made.find(({ queue }) => queue === "account")?.url ?? "";
  return {
    client,
    url: QueueUrl,
    send: (body: string) =>
      client.send(
        new SendMessageCommand({ QueueUrl, MessageBody: body, MessageGroupId: "ada", MessageDeduplicationId: body }),
      ),
    receive: async () => (await client.send(new ReceiveMessageCommand({ QueueUrl }))).Messages?.[0],
  };
}

describe("the queues of a test", () => {
  it.each([
    ["a space", "ada lovelace"],
    ["a letter outside ASCII", "żółć"],
    ["129 characters", "a".repeat(129)],
  ])("refuse a group or deduplication id with %s, as AWS does and no emulator", async (_title, id) => {
    const queues = await testQueues();
    await expect(queues.send("account", "x", { group: id })).rejects.toThrow("MessageGroupId");
    await expect(queues.send("account", "x", { deduplication: id })).rejects.toThrow("MessageDeduplicationId");
    expect(queues.messagesIn("account")).toEqual([]);
  });

  it("refuse an eleventh message attribute", async () => {
    const queues = await testQueues();
    const names = Array.from({ length: 11 }, (_, place) => `attribute-${place}`);
    const command = new SendMessageCommand({
      QueueUrl: queues.queue("dead-letters").url,
      MessageBody: "x",
      MessageAttributes: Object.fromEntries(names.map((name) => [name, { DataType: "String", StringValue: "x" }])),
    });
    await expect(queues.client.send(command)).rejects.toThrow("10 is the most");
  });

  it("can be down, and can lose an answer after the message is in", async () => {
    const queues = await testQueues();
    queues.setFault(({ action, queue }) =>
      action === "SendMessage" && queue.includes("account") ? "down" : undefined,
    );
    await expect(queues.send("account", "lost")).rejects.toThrow("the queue is down");
    await queues.send("team", "not affected");
    queues.setFault(() => "lost");
    await expect(queues.send("account", "arrived")).rejects.toThrow();
    queues.setFault(undefined);
    expect(queues.messagesIn("account").map(({ body }) => body)).toEqual(["arrived"]);
  });
});

describe("the embedded queue", () => {
  it("listens on loopback only", async () => {
    const queues = await startEmbeddedQueues();
    endings.push(queues.stop);
    const port = Number(new URL(queues.endpoint).port);
    const others = Object.values(networkInterfaces()).flatMap((addresses = []) =>
      addresses.filter(({ internal, family }) => !internal && family === "IPv4").map(({ address }) => address),
    );
    for (const address of others) expect(await isOpen(address, port)).toBe(false);
    expect(await isOpen("127.0.0.1", port)).toBe(true);
  });

  it("keeps messages over a restart, on another port, and lets changed parameters through", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "hubforge-queues-"));
    endings.push(() => rm(dataDir, { recursive: true }));
    const first = await startEmbeddedQueues({ dataDir });
    await (await accountQueue(first.endpoint)).send("spawn");
    await first.stop();

    const second = await startEmbeddedQueues({ dataDir });
    endings.push(second.stop);
    const { client, url, receive } = await accountQueue(second.endpoint, { visibilityTimeoutSeconds: 12 });
    expect(url).toBe(`${second.endpoint}/000000000000/hubforge-test-account.fifo`);
    const question = { QueueUrl: url, AttributeNames: ["VisibilityTimeout" as const] };
    const { Attributes } = await client.send(new GetQueueAttributesCommand(question));
    expect(Attributes).toEqual({ VisibilityTimeout: "12" });
    expect((await receive())?.Body).toBe("spawn");
  });

  it("gives a stored message back at once with visibility 0", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "hubforge-queues-"));
    endings.push(() => rm(dataDir, { recursive: true }));
    const queues = await startEmbeddedQueues({ dataDir });
    endings.push(queues.stop);
    const { client, url, send, receive } = await accountQueue(queues.endpoint);
    await send("spawn");
    const ReceiptHandle = (await receive())?.ReceiptHandle;
    await client.send(new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle, VisibilityTimeout: 0 }));
    expect((await receive())?.Body).toBe("spawn");
    expect(queues.messagesIn("hubforge-test-account.fifo")).toMatchObject([{ receiveCount: 2, state: "in flight" }]);
  });

  it("counts what is visible again as waiting, before anybody receives it", async () => {
    const queues = await startEmbeddedQueues();
    endings.push(queues.stop);
    const { client, url, send, receive } = await accountQueue(queues.endpoint, { visibilityTimeoutSeconds: 1 });
    const AttributeNames = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
    const counts = async () => {
      const answer = await client.send(
        new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...AttributeNames] }),
      );
      return AttributeNames.map((name) => answer.Attributes?.[name]);
    };
    await send("spawn");
    await receive();
    expect(await counts()).toEqual(["0", "1"]);
    await eventually(counts).toEqual(["1", "0"]);
  });
});

function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => settle(true));
    for (const event of ["error", "timeout"]) socket.once(event, () => settle(false));
  });
}
