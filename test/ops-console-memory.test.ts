import { describe, expect, it } from "vitest";
import { type Content, lettersIn } from "../infra/ops/console/content.ts";
import { createJobs } from "../infra/ops/console/jobs.ts";
import { planDiscard } from "../infra/ops/letters/discard-letters.ts";
import { readLetter } from "../infra/ops/letters/letter.ts";
import { planReplay } from "../infra/ops/letters/plan-replay.ts";
import { letterOf } from "./support/letters.ts";

const lettersOf = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    readLetter(JSON.stringify(letterOf(`p${index}`)), { messageId: `m${index}`, sentAt: new Date(0) }),
  );
const planning = (): Content => ({ is: "planning", verb: "discard", choice: { filter: {} } });
const finding = (count: number) => async (job: { content: Content }) => {
  const found = { verb: "discard" as const, plan: planDiscard(lettersOf(count)), warnings: [], missing: 0 };
  if (job.content.is === "planning") job.content.found = found;
};

describe("what the console remembers", () => {
  it("are its latest plans, as many as may be, however long it is open", async () => {
    const jobs = createJobs<Content>(lettersIn, { jobs: 3, weight: 1_000 });
    const made = [];
    for (let number = 0; number < 10; number += 1) {
      const job = jobs.begin(planning(), finding(1));
      await job.ended;
      made.push(job.id);
    }
    expect(made.filter((id) => jobs.find(id))).toEqual(made.slice(-3));
  });

  it("are no more letters than memory is meant for; the newest plan stays, whatever its size", async () => {
    const jobs = createJobs<Content>(lettersIn, { jobs: 30, weight: 10 });
    const made = [];
    for (const size of [4, 4, 4, 2, 50, 0]) {
      const job = jobs.begin(planning(), finding(size));
      await job.ended;
      made.push(job.id);
      if (size === 2) expect(made.map((id) => jobs.find(id) !== undefined)).toEqual([false, true, true, true]);
    }
    expect(made.filter((id) => jobs.find(id))).toEqual(made.slice(-2)); // a look makes no plan forgotten
  });

  it("is never more than may wait, and what waits is not forgotten", async () => {
    const jobs = createJobs<Content>(lettersIn, { jobs: 2, weight: 1 });
    const { promise, resolve } = Promise.withResolvers<void>();
    const open = [jobs.begin(planning(), () => promise), jobs.begin(planning(), finding(50))];
    expect(() => jobs.begin(planning(), finding(1))).toThrow("2 things wait for their turn already");
    expect(open.every(({ id }) => jobs.find(id))).toBe(true);
    resolve();
    await open[1]?.ended;
    expect(jobs.isIdle).toBe(true);
    await jobs.begin(planning(), finding(1)).ended;
  });

  it("counts every letter that a plan or a run keeps", () => {
    const letters = lettersOf(3);
    const strange = readLetter("no letter", { messageId: "m", sentAt: new Date(0) });
    const plan = planReplay([...letters, strange], [...letters, strange]);
    const choice = { filter: {} };
    const found = { verb: "replay" as const, plan, warnings: [], missing: 0 };
    expect(lettersIn({ is: "planning", verb: "replay", choice, found })).toBe(4);
    const results = letters.map((letter) => ({ letter, outcome: "discarded" as const, reason: undefined, gone: [] }));
    const run = { hash: "", rate: 1, concurrency: 1, isAnyway: false, results };
    expect(lettersIn({ is: "execution", verb: "discard", choice, ...run })).toBe(3);
  });
});
