import { ChangeMessageVisibilityCommand } from "@aws-sdk/client-sqs";
import type { SQSEvent } from "aws-lambda";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EventSource, type SettledInvocation, startEventSource } from "../infra/local/event-source.ts";
import type { Handler } from "../infra/local/functions.ts";
import { eventually } from "./support/eventually.ts";
import { startQueues, type TestQueues } from "./support/queues.ts";

const DONE = { batchItemFailures: [] };

let queues: TestQueues;
let sources: EventSource[];
let settled: SettledInvocation[];

beforeEach(async () => {
  queues = await startQueues({ visibilityTimeoutSeconds: 1, maxReceiveCount: 2 });
  sources = [];
  settled = [];
});

afterEach(async () => {
  await Promise.all(sources.map((source) => source.stop({ hangUp: true })));
  await queues.stop();
});

/** Wakes `handler` for a queue, with its one message instead of the whole event. */
function listen(
  queue: "account" | "crashed",
  handler: (record: SQSEvent["Records"][number]) => unknown,
  options: { maximumConcurrency?: number; timeoutSeconds?: number } = {},
): void {
  const oneRecord: Handler = async (event) => {
    const [record] = recordsOf(event);
    if (!record) throw new Error("an event without a record");
    return await handler(record);
  };
  const source = startEventSource({
    client: queues.client,
    queue: queues.queue(queue),
    functionName: queue,
    handler: oneRecord,
    maximumConcurrency: 5,
    timeoutSeconds: 10,
    onSettled: (invocation) => settled.push(invocation),
    ...options,
  });
  sources.push(source);
}

function recordsOf(event: unknown): SQSEvent["Records"] {
  if (typeof event === "object" && event !== null && "Records" in event && Array.isArray(event.Records))
    return event.Records;
  throw new Error("not an SQS event");
}

const endings = () => settled.map(({ body, ending }) => `${body} ${ending}`);

describe("the local event source", () => {
  it("hands over a message as AWS does", async () => {
    const { promise, resolve } = Promise.withResolvers<SQSEvent["Records"][number]>();
    listen("account", (record) => {
      resolve(record);
      return DONE;
    });
    await queues.send("account", "hello", { group: "ada", deduplication: "default:msg_1:account:0" });
    expect(await promise).toMatchObject({
      body: "hello",
      md5OfBody: "5d41402abc4b2a76b9719d911017c592",
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:eu-central-1:000000000000:hubforge-test-account.fifo",
      awsRegion: "eu-central-1",
      attributes: {
        ApproximateReceiveCount: "1",
        MessageGroupId: "ada",
        MessageDeduplicationId: "default:msg_1:account:0",
        SequenceNumber: expect.stringMatching(/^\d{20}$/),
        SentTimestamp: expect.stringMatching(/^\d{13}$/),
        ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
      },
      messageAttributes: { stage: { stringValue: "account", dataType: "String" } },
    });
    await eventually(() => queues.messagesIn("account")).toEqual([]);
  });

  it("keeps one person's messages in order and lets others pass beside them", async () => {
    const running = new Set<string>();
    let mostAtOnce = 0;
    const seen: string[] = [];
    for (const body of ["ada 1", "ada 2", "bob 1", "ada 3", "bob 2", "eve 1"]) {
      await queues.send("account", body, { group: body.slice(0, 3) });
    }
    listen("account", async ({ body, attributes: { MessageGroupId: group = "" } }) => {
      expect(running.has(group)).toBe(false);
      running.add(group);
      mostAtOnce = Math.max(mostAtOnce, running.size);
      await turns(20);
      running.delete(group);
      seen.push(body);
      return DONE;
    });
    await eventually(() => seen.length).toBe(6);
    expect(seen.filter((body) => body.startsWith("ada"))).toEqual(["ada 1", "ada 2", "ada 3"]);
    expect(seen.filter((body) => body.startsWith("bob"))).toEqual(["bob 1", "bob 2"]);
    expect(mostAtOnce).toBeGreaterThan(1);
  });

  it("never runs more handlers at once than the template allows", async () => {
    let running = 0;
    let mostAtOnce = 0;
    for (let person = 0; person < 8; person++) await queues.send("account", "spawn", { group: `person-${person}` });
    listen(
      "account",
      async () => {
        mostAtOnce = Math.max(mostAtOnce, ++running);
        await turns(30);
        running--;
        return DONE;
      },
      { maximumConcurrency: 3 },
    );
    await eventually(() => settled.length).toBe(8);
    expect(mostAtOnce).toBe(3);
  });

  it("brings a reported message back when the handler's own visibility has passed, before the next of its person", async () => {
    const seen: string[] = [];
    await queues.send("account", "ada 1");
    await queues.send("account", "ada 2");
    listen("account", async ({ body, receiptHandle, messageId, attributes }) => {
      seen.push(`${body} ${attributes.ApproximateReceiveCount}`);
      if (seen.length > 1) return DONE;
      const command = { QueueUrl: queues.queue("account").url, ReceiptHandle: receiptHandle, VisibilityTimeout: 0 };
      await queues.client.send(new ChangeMessageVisibilityCommand(command));
      return { batchItemFailures: [{ itemIdentifier: messageId }] };
    });
    await eventually(() => seen).toEqual(["ada 1 1", "ada 1 2", "ada 2 1"]);
    await eventually(() => queues.messagesIn("account")).toEqual([]);
  });

  it.each([
    ["undefined", undefined],
    ["an empty object", {}],
    ["text instead of a list", { batchItemFailures: "none" }],
    ["another shape", { failures: [] }],
  ])("deletes nothing after an answer that is %s", async (_title, answer) => {
    await queues.send("account", "spawn");
    listen("account", () => answer);
    await eventually(endings).toEqual(["spawn malformed"]);
    expect(queues.messagesIn("account")).toHaveLength(1);
  });

  it("leaves a message that kills its handler to the net, with its stage, and goes on with the next of that person", async () => {
    const caught: { body: string; stage: string | undefined }[] = [];
    await queues.send("account", "poison");
    await queues.send("account", "healthy");
    listen("account", ({ body }) => {
      if (body === "poison") throw new Error("crash");
      return DONE;
    });
    listen("crashed", ({ body, messageAttributes }) => {
      caught.push({ body, stage: messageAttributes["stage"]?.stringValue });
      return DONE;
    });
    await eventually(() => endings().toSorted()).toEqual([
      "healthy done",
      "poison done",
      "poison thrown",
      "poison thrown",
    ]);
    expect(caught).toEqual([{ body: "poison", stage: "account" }]);
    await eventually(() => queues.messagesIn("crashed")).toEqual([]);
  });

  it("touches nothing after the time-out, even when the handler ends well afterwards", async () => {
    const late = Promise.withResolvers<typeof DONE>();
    await queues.send("account", "slow");
    listen("account", () => late.promise, { timeoutSeconds: 0.1, maximumConcurrency: 1 });
    await eventually(endings).toEqual(["slow timed-out"]);
    late.resolve(DONE);
    await turns(50);
    expect(queues.messagesIn("account")).toHaveLength(1);
  });

  it("tells a handler how much time is left", async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    await queues.send("account", "spawn");
    const source = startEventSource({
      client: queues.client,
      queue: queues.queue("account"),
      functionName: "account",
      handler: async (_event, context) => {
        resolve(context.getRemainingTimeInMillis());
        return DONE;
      },
      maximumConcurrency: 1,
      timeoutSeconds: 10,
    });
    sources.push(source);
    expect(await promise).toBeGreaterThan(9_000);
  });

  it("lets a running handler finish when it is stopped, and takes nothing new", async () => {
    const started = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    await queues.send("account", "running");
    listen(
      "account",
      async () => {
        started.resolve();
        await release.promise;
        return DONE;
      },
      { maximumConcurrency: 1 },
    );
    await started.promise;
    const stopped = Promise.all(sources.map((source) => source.stop()));
    await queues.send("account", "later", { group: "bob" });
    release.resolve();
    await stopped;
    expect(endings()).toEqual(["running done"]);
    expect(queues.messagesIn("account").map(({ body, state }) => `${body} ${state}`)).toEqual(["later ready"]);
  });

  it("goes on when the queue was away for a while", async () => {
    queues.setFault(() => "down");
    listen("account", () => DONE);
    await turns(100);
    queues.setFault(undefined);
    await queues.send("account", "afterwards");
    await eventually(endings).toEqual(["afterwards done"]);
  });
});

/** Lets the emulator and the loop act for a moment where there is no event to wait for. */
function turns(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
