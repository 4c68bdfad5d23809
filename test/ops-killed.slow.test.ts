import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Envelope } from "#shared/envelope.ts";
import { spawnOf } from "./support/envelopes.ts";
import { letterOf, sendLetters } from "./support/letters.ts";
import { runOps } from "./support/ops.ts";
import { startOps } from "./support/ops-child.ts";
import { startQueues, type TestQueues } from "./support/queues.ts";

/** `reset`: the call never arrived; `lost`: it had its effect, and nobody learned of it. */
type Fault = "reset" | "lost";

const REPLAY = ["dead-letters", "replay", "--no-ask", "--execute", "--yes", "--rate", "200", "--hold", "1"];
const AT_ONCE = 4;

/** Three people, one of them twice, one letter in two copies: what a replay has to keep apart and in order. */
async function sendFive(queues: TestQueues): Promise<void> {
  const letter = (user: string, id: string, minute: number) => {
    const { delivery } = spawnOf(user);
    return letterOf(user, { sent: { delivery: { ...delivery, id, receivedAt: `2026-11-24T09:0${minute}:00Z` } } });
  };
  const bob = letter("bob", "b1", 1);
  await sendLetters(queues, [letter("ada", "a2", 2), bob, letter("ada", "a1", 1), letter("carol", "c1", 1), bob]);
}

const sentBy = (queues: TestQueues) =>
  queues.messagesIn("identity").map(({ body }) => Envelope.parse(JSON.parse(body)).delivery.id);

/** Kills a replay at its `step`-th call to SQS, runs it again, and tells what came of it. */
async function killedAt(step: number, fault: Fault) {
  const queues = await startQueues();
  const environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint };
  await sendFive(queues);
  const child = startOps(REPLAY, environment);
  let calls = 0;
  queues.setFault(() => {
    calls += 1;
    if (calls === step) child.process.kill("SIGKILL");
    if (calls < step) return undefined;
    return calls === step ? fault : "reset";
  });
  const ending = await child.ended;
  queues.setFault(undefined);
  await sleep(1200); // what the killed reader held is back
  const { code } = await runOps(REPLAY, { environment });
  const outcome = { sent: sentBy(queues), letters: queues.messagesIn("dead-letters").length };
  await queues.stop();
  return { step, isKilled: ending === "SIGKILL", code, ...outcome };
}

describe.each<Fault>(["reset", "lost"])(
  "a replay that is killed at any of its calls to SQS (the call: %s)",
  (fault) => {
    it("loses nothing, sends nothing twice, and finishes when it is run again", { timeout: 90_000 }, async () => {
      const sweep: Awaited<ReturnType<typeof killedAt>>[] = [];
      while (sweep.every(({ isKilled }) => isKilled)) {
        const next = Array.from({ length: AT_ONCE }, (_, index) => killedAt(sweep.length + index + 1, fault));
        sweep.push(...(await Promise.all(next)));
      }
      expect(sweep.filter(({ isKilled }) => isKilled).length).toBeGreaterThanOrEqual(10);
      for (const { sent, letters, code, step } of sweep) {
        expect({ step, sent: sent.toSorted(), letters }).toEqual({ step, sent: ["a1", "a2", "b1", "c1"], letters: 0 });
        expect(sent.indexOf("a1")).toBeLessThan(sent.indexOf("a2"));
        expect([0, 3]).toContain(code); // done by the second run, or by the first before it died
      }
    });
  },
);
