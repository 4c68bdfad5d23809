import { setTimeout as sleep } from "node:timers/promises";

/** Hands out turns at `rate` a second, evenly; time lost by a slow turn is not made up for by a burst. */
export function createPace(rate: number): { next(signal?: AbortSignal): Promise<boolean> } {
  const milliseconds = 1000 / rate;
  let due = performance.now();
  return {
    /** Resolves at the next free turn; false when `signal` ended the waiting. */
    next: async (signal) => {
      const now = performance.now();
      // Timers fire late by a millisecond or two: up to one turn's delay is made up for, or the rate would sink.
      const turn = Math.max(due, now - milliseconds);
      due = turn + milliseconds;
      if (turn > now) await sleep(turn - now, undefined, signal ? { signal } : {}).catch(() => undefined);
      return !signal?.aborted;
    },
  };
}
