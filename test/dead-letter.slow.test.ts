import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Failure } from "#shared/envelope.ts";
import { type LogLine, setLogWriter } from "#shared/log.ts";
import { createSender, type Sender } from "#shared/queue.ts";
import { drainCrashes } from "../functions/dead-letter/drain-crashes.ts";
import { type EventSource, startEventSource } from "../infra/local/event-source.ts";
import type { Handler } from "../infra/local/functions.ts";
import { startChildFunction } from "./support/child-function.ts";
import { spawnOf } from "./support/envelopes.ts";
import { startQueues, type TestQueues } from "./support/queues.ts";

/** So short that the net catches within seconds; the function is killed well before its message becomes visible again. */
const VISIBILITY_SECONDS = 2;
const TIMEOUT_SECONDS = 1;
const RECEIVES = 2;

let queues: TestQueues;
let environment: Record<string, string>;
let sender: Sender;
let sources: EventSource[];
let lines: LogLine[];

beforeEach(async () => {
  queues = await startQueues({ visibilityTimeoutSeconds: VISIBILITY_SECONDS, maxReceiveCount: RECEIVES });
  environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint, MAX_RECEIVE_COUNT: String(RECEIVES) };
  sender = createSender(environment);
  sources = [];
  lines = [];
  setLogWriter((line) => lines.push(line));
});
afterEach(async () => {
  await Promise.all(sources.map((source) => source.stop({ hangUp: true })));
  await queues.stop();
});

function wake(queue: "account" | "crashed", handler: Handler): void {
  const { client } = queues;
  const options = {
    client,
    queue: queues.queue(queue),
    functionName: queue,
    maximumConcurrency: 1,
    timeoutSeconds: 10,
  };
  sources.push(startEventSource({ ...options, handler }));
}

const drain = (): Handler => {
  const handler = drainCrashes(environment);
  return (event, context) => Reflect.apply(handler, undefined, [event, context]);
};
const letters = () => queues.messagesIn("dead-letters").map(({ body }) => Failure.parse(JSON.parse(body)));
const letterTo = (user: string) => letters().find(({ envelope }) => envelope?.delivery.user === user);

describe("what SQS itself gives up on", () => {
  it("because its function was really killed, by itself or at its time-out in an endless loop, becomes a crash letter, and that person's next event runs", async () => {
    const crashed = [spawnOf("killer", { directoryId: "one" }), spawnOf("spinner", { directoryId: "two" })];
    const healthy = [spawnOf("healthy", { directoryId: "one" }), spawnOf("healthy", { directoryId: "two" })];
    await using account = childFunction();
    await account.ready();
    for (const envelope of [...crashed, ...healthy]) await sender.sendEnvelope("account", envelope);
    wake("account", account.handler);
    wake("crashed", drain());

    await expect.poll(() => letters().length, { timeout: 60_000 }).toBe(2);
    for (const envelope of crashed) {
      expect(letterTo(envelope.delivery.user)).toMatchObject({
        class: "crash",
        stage: "account",
        code: "stage.crashed",
        attempts: RECEIVES,
        reason: expect.stringContaining(`no answer in ${RECEIVES} receives: the account function crashed`),
        envelope,
      });
    }
    expect(account.deaths).toEqual(["SIGKILL", "SIGKILL", "SIGKILL", "SIGKILL"]);
    await expect.poll(() => queues.messagesIn("team").map(({ groupId }) => groupId)).toEqual(["one", "two"]);
    for (const queue of ["account", "crashed"] as const) await expect.poll(() => queues.messagesIn(queue)).toEqual([]);
    expect(lines.map(({ event, outcome }) => `${event} ${outcome}`)).toEqual(
      Array(2).fill("stage.dead-lettered crash"),
    );
  }, 40_000);

  it("has the id of the letter that the stage itself would have written: they are copies of one failure", async () => {
    const envelope = spawnOf("stranger", { directoryId: "one" });
    await using account = childFunction();
    await account.ready();
    await sender.sendEnvelope("account", envelope);
    wake("account", account.handler);
    await expect.poll(() => letters().length).toBe(1);
    const command = new SendMessageCommand({
      QueueUrl: queues.queue("crashed").url,
      MessageBody: JSON.stringify(envelope),
      MessageGroupId: "one",
      MessageDeduplicationId: "moved-by-SQS",
      MessageAttributes: { stage: { DataType: "String", StringValue: "account" } },
    });
    await queues.client.send(command);
    wake("crashed", drain());
    await expect.poll(() => letters().map((letter) => letter.class)).toEqual(["permanent", "crash"]);
    expect(new Set(letters().map(({ failureId }) => failureId)).size).toBe(1);
  });

  it("and is no envelope keeps its raw body", async () => {
    await queues.send("crashed", "no envelope");
    wake("crashed", drain());
    await expect.poll(letters).toMatchObject([{ class: "crash", envelope: null, rawBody: "no envelope" }]);
  });

  it("stays in the net while the letter cannot be written, and becomes one when it can", async () => {
    await queues.send("crashed", spawnOf("ada"));
    queues.setFault(({ queue, action }) =>
      action === "SendMessage" && queue.includes("dead-letters") ? "down" : undefined,
    );
    wake("crashed", drain());
    await expect.poll(() => lines.map(({ event }) => event)).toContain("stage.not-dead-lettered");
    expect(queues.messagesIn("crashed")).toHaveLength(1);
    queues.setFault(undefined);
    await expect.poll(() => letterTo("ada"), { timeout: 60_000 }).toMatchObject({ class: "crash" });
    await expect.poll(() => queues.messagesIn("crashed")).toEqual([]);
  });
});

function childFunction() {
  const file = new URL("./support/deadly-stage.ts", import.meta.url);
  const child = startChildFunction(file, environment, TIMEOUT_SECONDS);
  return { ...child, [Symbol.asyncDispose]: child.stop };
}
