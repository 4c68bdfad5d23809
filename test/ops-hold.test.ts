import { describe, expect, it } from "vitest";
import * as z from "zod";
import { discardLetters, planDiscard } from "../infra/ops/letters/discard-letters.ts";
import { NOT_HELD } from "../infra/ops/letters/hold.ts";
import { openLetterQueue } from "../infra/ops/letters/letter-queue.ts";
import { planReplay } from "../infra/ops/letters/plan-replay.ts";
import { readLetters } from "../infra/ops/letters/read-letters.ts";
import { replayLetters } from "../infra/ops/letters/replay-letters.ts";
import { freshQueues } from "./support/fresh-queues.ts";
import { letterOf, sendLetters } from "./support/letters.ts";

const fresh = freshQueues();
const waiting = () => fresh.queues.messagesIn("dead-letters").length;
const never = { sendEnvelope: () => Promise.reject(new Error("must not be called")) };
const Hidden = z.object({ Entries: z.array(z.object({ VisibilityTimeout: z.int() })) });

describe("what one reader holds", () => {
  it("is theirs no longer once its time has passed without SQS renewing it", async () => {
    await sendLetters(fresh.queues, [letterOf("ada"), letterOf("bob")]);
    const reading = await readLetters(openLetterQueue(fresh.environment), { holdSeconds: 4 });
    const { letters, hold } = reading;
    expect(letters.every(({ copies }) => hold.has(copies))).toBe(true);
    fresh.queues.setFault(({ action }) => (action === "ChangeMessageVisibilityBatch" ? "down" : undefined));
    await expect.poll(() => letters.some(({ copies }) => hold.has(copies)), { timeout: 60_000 }).toBe(false);

    const left = { outcome: "failed", reason: NOT_HELD };
    expect(await discardLetters(planDiscard(letters), { hold })).toMatchObject([left, left]);
    expect(await replayLetters(planReplay(letters, letters), { hold, sender: never })).toMatchObject([left, left]);
    expect(waiting()).toBe(2);
    fresh.queues.setFault(undefined);
    await hold.giveBack();
  });

  it("is decided once for each letter of a plan: none is both discarded and left", async () => {
    await sendLetters(fresh.queues, [letterOf("ada"), letterOf("bob"), letterOf("eve")]);
    const { letters, hold } = await readLetters(openLetterQueue(fresh.environment));
    let asked = 0;
    const has = () => {
      asked += 1;
      return asked <= letters.length; // the time runs out right after the first look at each
    };
    const results = await discardLetters(planDiscard(letters), { hold: { ...hold, has } });
    expect(results.map(({ letter: { id }, outcome }) => [id, outcome])).toEqual(
      letters.map(({ id }) => [id, "discarded"]),
    );
    await hold.giveBack();
  });

  it("is given back after a second, never at once: an emulator loses what is hidden for 0 s", async () => {
    await sendLetters(fresh.queues, [letterOf("ada"), letterOf("bob")]);
    const { hold } = await readLetters(openLetterQueue(fresh.environment));
    const seconds: number[] = [];
    fresh.queues.setFault(({ action, body }) => {
      if (action !== "ChangeMessageVisibilityBatch") return undefined;
      seconds.push(...Hidden.parse(JSON.parse(body)).Entries.map(({ VisibilityTimeout }) => VisibilityTimeout));
      return undefined;
    });
    await hold.giveBack();
    expect(seconds).toEqual([1, 1]);
  });

  it("leaves out what another reader holds, however many letters arrive meanwhile", async () => {
    await sendLetters(fresh.queues, [letterOf("ada"), letterOf("bob")]);
    const other = await readLetters(openLetterQueue(fresh.environment));
    await sendLetters(fresh.queues, [letterOf("eve")]);
    let isBegun = false;
    const onBody = async () => {
      if (isBegun) return;
      isBegun = true;
      await sendLetters(fresh.queues, [letterOf("loc"), letterOf("mia")]);
    };
    const { messages, missing, hold } = await readLetters(openLetterQueue(fresh.environment), { onBody });
    expect({ messages, missing }).toEqual({ messages: 3, missing: 2 });
    await hold.giveBack();
    await other.hold.giveBack();
  });
});
