import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds that only go forward, and waiting by them; waiting ends early when `signal` is aborted. */
export type Clock = { now(): number; wait(milliseconds: number, signal?: AbortSignal): Promise<void> };

const OF_THIS_MACHINE: Clock = {
  now: () => performance.now(),
  wait: (milliseconds, signal) => sleep(milliseconds, undefined, signal ? { signal } : {}).catch(() => undefined),
};

/** Hands out turns at `rate` a second, evenly; time lost by a slow turn is not made up for by a burst. */
export function createPace(rate: number, clock = OF_THIS_MACHINE): { next(signal?: AbortSignal): Promise<boolean> } {
  const milliseconds = 1000 / rate;
  let due = clock.now();
  return {
    /** Resolves at the next free turn; false when `signal` ended the waiting. */
    next: async (signal) => {
      const now = clock.now();
      // Timers fire late by a millisecond or two: up to one turn's delay is made up for, or the rate would sink.
      const turn = Math.max(due, now - milliseconds);
      due = turn + milliseconds;
      if (turn > now) await clock.wait(turn - now, signal);
      return !signal?.aborted;
    },
  };
}
