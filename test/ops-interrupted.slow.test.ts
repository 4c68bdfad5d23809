import { describe, expect, it } from "vitest";
import { Envelope } from "#shared/envelope.ts";
import { openLetterQueue } from "../infra/ops/letters/letter-queue.ts";
import { readLetters } from "../infra/ops/letters/read-letters.ts";
import { freshQueues } from "./support/fresh-queues.ts";
import { letterOf, sendLetters } from "./support/letters.ts";
import { runOps } from "./support/ops.ts";
import { type OpsChild, startOps } from "./support/ops-child.ts";

const fresh = freshQueues();

const REPLAY = ["dead-letters", "replay", "--no-ask", "--execute", "--yes", "--rate", "200"];

const sent = () => fresh.queues.messagesIn("identity").map(({ body }) => Envelope.parse(JSON.parse(body)).delivery.id);
async function left(): Promise<number> {
  const { messages, hold } = await readLetters(openLetterQueue(fresh.environment));
  await hold.giveBack();
  return messages;
}

/** Presses Ctrl-C at the `count`-th call of that kind; tells how many there were in the end. */
function interruptAt(count: number, wanted: string, child: OpsChild): () => number {
  let calls = 0;
  fresh.queues.setFault(({ action }) => {
    if (action !== wanted) return undefined;
    calls += 1;
    if (calls === count) child.process.kill("SIGINT");
    return undefined;
  });
  return () => calls;
}

describe("Ctrl-C", () => {
  it("while a list is read: everything is given back at once, exit code 130", async () => {
    await sendLetters(
      fresh.queues,
      Array.from({ length: 400 }, (_, index) => letterOf(`user${index}`)),
    );
    const child = startOps(["dead-letters", "list"], fresh.environment);
    const receives = interruptAt(5, "ReceiveMessage", child);
    expect(await child.ended).toBe(130);
    expect(receives()).toBeLessThan(30);
    expect(child.stdout()).toBe("");
    expect(child.stderr()).toContain("interrupted");
    await expect.poll(left, { timeout: 60_000 }).toBe(400);
  });

  it("during a replay: what is under way ends, the rest stays in order, and running it again does the rest", async () => {
    const letters = Array.from({ length: 40 }, (_, index) => letterOf(`user${index}`));
    await sendLetters(fresh.queues, letters);
    const child = startOps(
      ["dead-letters", "replay", "--no-ask", "--execute", "--yes", "--rate", "20"],
      fresh.environment,
    );
    const sends = interruptAt(5, "SendMessage", child);
    expect(await child.ended).toBe(130);
    expect(sends()).toBeLessThan(10);
    expect(child.stderr()).toContain(
      "To do the rest:\n  hubforge dead-letters replay --no-ask --yes --rate 20 --execute\n",
    );
    await expect.poll(left, { timeout: 60_000 }).toBe(40 - sends());
    expect(await runOps(REPLAY, { environment: fresh.environment })).toMatchObject({ code: 0 });
    expect(sent()).toHaveLength(40);
    expect(new Set(sent()).size).toBe(40);
  });

  it("that npm hands on once more is the same one: what was held is given back", async () => {
    await sendLetters(fresh.queues, [letterOf("ada")]);
    const child = startOps(["dead-letters", "list", "--hold", "1"], fresh.environment);
    let presses = 0;
    fresh.queues.setFault(({ action }) => {
      if (action !== "ReceiveMessage" || presses > 0) return undefined;
      presses += 1;
      child.process.kill("SIGINT");
      setTimeout(() => child.process.kill("SIGINT"), 20);
      return undefined;
    });
    expect([130, "SIGINT"]).toContain(await child.ended); // the second may meet a process that is just ending
    expect(child.stderr()).toContain("given back");
    await expect.poll(left, { timeout: 60_000 }).toBe(1);
  });
});
