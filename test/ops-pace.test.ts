import { setImmediate as settled } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type Clock, createPace } from "../infra/ops/letters/pace.ts";

/** Time that passes only while everybody waits. Timers fire `late` by so many milliseconds, as real ones do. */
function createClock(late: number) {
  let time = 1_000;
  const waiting: { at: number; wake: () => void }[] = [];
  const clock: Clock = {
    now: () => time,
    wait: (milliseconds, signal) =>
      new Promise((wake) => {
        waiting.push({ at: time + milliseconds + late, wake });
        signal?.addEventListener("abort", () => wake());
      }),
  };
  const pass = async () => {
    for (await settled(); waiting.length > 0; await settled()) {
      const next = waiting.toSorted((one, other) => one.at - other.at)[0];
      if (!next) return;
      waiting.splice(waiting.indexOf(next), 1);
      time = Math.max(time, next.at);
      next.wake();
    }
  };
  return { clock, pass };
}

type Run = { rate: number; turns: number; workers: number; late?: number; workMilliseconds?: (turn: number) => number };

/** When each turn came, in milliseconds. */
async function timesOf({ rate, turns, workers, late = 0, workMilliseconds = () => 0 }: Run): Promise<number[]> {
  const { clock, pass } = createClock(late);
  const pace = createPace(rate, clock);
  const times: number[] = [];
  let left = turns;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await pace.next();
      times.push(clock.now());
      const work = workMilliseconds(times.length);
      if (work > 0) await clock.wait(work);
    }
  };
  const working = Promise.all(Array.from({ length: workers }, worker));
  await pass();
  await working;
  return times;
}

const rateOf = (times: number[]) => ((times.length - 1) * 1000) / ((times.at(-1) ?? 0) - (times[0] ?? 0));

describe("the pace of a replay", () => {
  it.each([
    { rate: 0.5, turns: 20, workers: 1, late: 0 },
    { rate: 10, turns: 100, workers: 4, late: 0 },
    { rate: 100, turns: 500, workers: 4, late: 2 },
    { rate: 200, turns: 500, workers: 1, late: 3, workMilliseconds: () => 1 },
    { rate: 40, turns: 200, workers: 4, late: 1, workMilliseconds: () => 60 },
  ])("is $rate a second to a tenth, with $workers at once and timers $late ms late", async (run) => {
    const got = rateOf(await timesOf(run));
    expect(got / run.rate).toBeGreaterThan(0.9);
    expect(got / run.rate).toBeLessThan(1.1);
  });

  it("makes up for no stall by a burst", async () => {
    const stall = (turn: number) => (turn === 50 ? 3_000 : 0);
    const times = await timesOf({ rate: 10, turns: 100, workers: 1, workMilliseconds: stall });
    for (const [place, time] of times.entries()) {
      const withinASecond = times.slice(place).filter((later) => later < time + 1_000).length;
      expect(withinASecond).toBeLessThanOrEqual(11);
    }
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(12_000);
  });

  it("ends the waiting at once when it is interrupted", async () => {
    const { clock } = createClock(0);
    const pace = createPace(0.001, clock);
    const interruption = new AbortController();
    expect(await pace.next(interruption.signal)).toBe(true);
    const next = pace.next(interruption.signal);
    interruption.abort();
    expect(await next).toBe(false);
  });
});
