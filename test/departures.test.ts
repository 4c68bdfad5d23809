import { DeleteMessageCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DEPARTURES } from "#shared/pipeline.ts";
import { sendDeparturesOn } from "../functions/departures/send-departures-on.ts";
import { sqsRecord } from "../infra/local/sqs-record.ts";
import { spawnOf } from "./support/envelopes.ts";
import { startSyncWorld, waitingIn } from "./support/sync.ts";
import type { World } from "./support/world.ts";

let world: World;
beforeEach(async () => {
  world = await startSyncWorld();
});
afterEach(() => world.stop());

const departure = spawnOf("ada", { route: "depart", directoryId: "id-of-ada", leave: ["datasci"] });

async function deliver(body: unknown, environment = world.environment): Promise<boolean> {
  await world.queues.send(DEPARTURES, body);
  const { url, arn } = world.queues.queue(DEPARTURES);
  const { Messages: [message] = [] } = await world.queues.client.send(
    new ReceiveMessageCommand({ QueueUrl: url, MessageSystemAttributeNames: ["All"], MessageAttributeNames: ["All"] }),
  );
  if (!message) throw new Error("nothing came");
  const record = sqsRecord(message, arn);
  const handle = sendDeparturesOn(environment);
  const { batchItemFailures } = await handle({ Records: [record] }, { getRemainingTimeInMillis: () => 5_000 });
  if (batchItemFailures.length > 0) return false;
  const { receiptHandle: ReceiptHandle } = record;
  await world.queues.client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }));
  return true;
}

describe("a departure whose delay is over", () => {
  it("goes unchanged to identity, into the line of that person's spawns", async () => {
    expect(await deliver(departure)).toBe(true);
    expect(world.envelopesIn("identity")).toEqual([departure]);
    const [message] = world.queues.messagesIn("identity");
    expect(message).toMatchObject({ groupId: "ada", attributes: { stage: "identity" } });
    expect(waitingIn(world)).toEqual([]);
  });

  it("stays where it is while the queue before identity does not take it", async () => {
    world.queues.setFault(({ action, queue }) =>
      action === "SendMessage" && queue.includes("identity") ? "down" : undefined,
    );
    const before = world.lines.length;
    expect(await deliver(departure)).toBe(false);
    expect(waitingIn(world)).toHaveLength(1);
    expect(world.lines.slice(before)).toMatchObject([{ event: "departure.not-sent-on", code: "queue.unreachable" }]);
  });

  it("says which setting is wrong, and blames no queue for it", async () => {
    const before = world.lines.length;
    expect(await deliver(departure, { ...world.environment, QUEUE_URL_IDENTITY: undefined })).toBe(false);
    expect(world.lines.slice(before)).toMatchObject([
      {
        event: "departure.not-sent-on",
        code: "settings.wrong",
        level: "error",
        reason: expect.stringContaining("QUEUE_URL_IDENTITY"),
      },
    ]);
  });

  it("becomes a letter when it is no envelope", async () => {
    expect(await deliver("not JSON")).toBe(true);
    expect(world.letters()).toMatchObject([{ class: "permanent", stage: "departures", code: "envelope.invalid" }]);
  });
});
