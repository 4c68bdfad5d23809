import { describe, expect, it } from "vitest";
import { Envelope } from "#shared/envelope.ts";
import { openLetterQueue } from "../infra/ops/letters/letter-queue.ts";
import { planReplay } from "../infra/ops/letters/plan-replay.ts";
import { readLetters } from "../infra/ops/letters/read-letters.ts";
import { replayLetters } from "../infra/ops/letters/replay-letters.ts";
import { freshQueues } from "./support/fresh-queues.ts";
import { letterOf, sendLetters } from "./support/letters.ts";
import { runOps } from "./support/ops.ts";

const fresh = freshQueues();

const replay = (...words: string[]) =>
  runOps(["dead-letters", "replay", "--no-ask", ...words], { environment: fresh.environment });
const sent = () => fresh.queues.messagesIn("identity").map(({ body }) => Envelope.parse(JSON.parse(body)));
const people = (count: number) => Array.from({ length: count }, (_, index) => letterOf(`user${index}`));

describe("two operators at once", () => {
  it("one works, the other is told so and does nothing", async () => {
    await sendLetters(fresh.queues, people(5));
    const first = await readLetters(openLetterQueue(fresh.environment));
    const { code, stderr } = await replay("--execute", "--yes");
    expect(code).toBe(3);
    expect(stderr).toContain("5 letters are counted on the queue and could not be seen: another reader may hold them");
    expect(sent()).toEqual([]);
    await first.hold.giveBack();
  });

  it("nobody replays a part while another holds the rest, unless they insist", async () => {
    const queue = openLetterQueue(fresh.environment);
    await sendLetters(fresh.queues, people(4));
    await queue.receive({ holdSeconds: 60, waitSeconds: 0 }); // somebody else's hands
    await sendLetters(fresh.queues, people(2));
    const careful = await replay("--execute", "--yes");
    expect(careful).toMatchObject({ code: 1, stderr: expect.stringContaining("add --anyway") });
    expect(sent()).toEqual([]);
    expect(await replay("--execute", "--yes", "--anyway")).toMatchObject({ code: 0 });
    expect(sent()).toHaveLength(2);
  });

  it("each letter takes effect once, even where both were handed the same message", async () => {
    const letters = people(6);
    await sendLetters(fresh.queues, [...letters, ...letters]); // a standard queue may deliver twice
    const both = await Promise.all([
      replay("--execute", "--yes", "--anyway"),
      replay("--execute", "--yes", "--anyway"),
    ]);
    for (const { code } of both) expect([0, 3]).toContain(code);
    expect(
      sent()
        .map(({ delivery }) => delivery.user)
        .toSorted(),
    ).toEqual(letters.map((_, index) => `user${index}`));
    expect(fresh.queues.messagesIn("dead-letters")).toEqual([]);
  });
});

describe("when SQS fails in the middle", () => {
  it("nobody's later delivery overtakes one that could not be sent; the exit code says partly", async () => {
    const { delivery } = letterOf("ada").envelope ?? {};
    if (!delivery) throw new Error("a letter has an envelope");
    const at = (id: string, minute: number) =>
      letterOf("ada", { sent: { delivery: { ...delivery, id, receivedAt: `2026-11-24T09:0${minute}:00Z` } } });
    await sendLetters(fresh.queues, [at("a1", 1), at("a2", 2), letterOf("bob")]);
    fresh.queues.setFault(({ action, body }) =>
      action === "SendMessage" && body.includes('\\"a1\\"') ? "down" : undefined,
    );
    const { code, lines } = await replay("--execute", "--yes");
    expect(code).toBe(4);
    const results = lines.map((line) => JSON.parse(line)).filter(({ type }) => type === "result");
    expect(results.map(({ outcome }) => outcome).toSorted()).toEqual(["failed", "replayed", "skipped"]);
    expect(sent().map((envelope) => envelope.delivery.user)).toEqual(["bob"]);
    fresh.queues.setFault(undefined);
    await expect.poll(async () => (await replay("--execute", "--yes")).code, { timeout: 60_000 }).toBe(0);
    expect(sent().map((envelope) => envelope.delivery.id)).toEqual([expect.anything(), "a1", "a2"]);
  });

  it("a letter that could not be deleted is sent once all the same, and is gone after the next run", async () => {
    await sendLetters(fresh.queues, [letterOf("ada")]);
    fresh.queues.setFault(({ action }) => (action === "DeleteMessageBatch" ? "down" : undefined));
    const { code, stderr } = await replay("--execute", "--yes");
    expect(code).toBe(4);
    expect(stderr).toContain("letter-left");
    fresh.queues.setFault(undefined);
    await expect.poll(async () => (await replay("--execute", "--yes")).code, { timeout: 60_000 }).toBe(0);
    expect(sent()).toHaveLength(1);
    expect(fresh.queues.messagesIn("dead-letters")).toEqual([]);
  });

  it("a letter that is held no longer is not sent: somebody else may have it", async () => {
    await sendLetters(fresh.queues, [letterOf("ada")]);
    const reading = await readLetters(openLetterQueue(fresh.environment));
    await reading.hold.giveBack(); // what a machine that slept would find
    const sender = { sendEnvelope: () => Promise.reject(new Error("must not be called")) };
    const plan = planReplay(reading.letters, reading.letters);
    const [result] = await replayLetters(plan, { hold: reading.hold, sender });
    expect(result).toMatchObject({ outcome: "failed", reason: expect.stringContaining("held no longer") });
  });
});

describe("the rate", () => {
  it.each([
    { rate: "40/s", count: 80, concurrency: "4" },
    { rate: "600/m", count: 20, concurrency: "1" },
  ])("of $rate is never passed by more than a tenth", async ({ rate, count, concurrency }) => {
    await sendLetters(fresh.queues, people(count));
    const times: number[] = [];
    fresh.queues.setFault(({ action }) => {
      if (action === "SendMessage") times.push(performance.now());
      return undefined;
    });
    const words = ["replay", "--no-ask", "--execute", "--yes", "--rate", rate, "--concurrency", concurrency];
    const { stderr } = await runOps(["dead-letters", ...words], { environment: fresh.environment, typed: "" });
    expect(stderr).toMatch(new RegExp(`\\rreplaying \\[#*-*\\] \\d+ of ${count}, \\d+ s left`)); // a bar, on a terminal
    expect(times).toHaveLength(count);
    const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000;
    const wanted = rate.endsWith("/m") ? Number.parseFloat(rate) / 60 : Number.parseFloat(rate);
    const got = (count - 1) / seconds;
    // Never faster; a machine that is busy with other tests may well be slower.
    expect(got / wanted).toBeGreaterThan(0.5);
    expect(got / wanted).toBeLessThan(1.1);
  });
});
