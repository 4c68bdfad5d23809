import { setTimeout as sleep } from "node:timers/promises";
import { rateSeconds } from "#shared/config/schedule.ts";
import { createContext } from "./event-source.ts";
import type { Handler } from "./functions.ts";

export type ScheduleOptions = {
  functionName: string;
  handler: Handler;
  /** As SYNC_SCHEDULE; a cron expression is the cloud's, here it means at start only. */
  schedule: string;
  timeoutSeconds: number;
};

export type Schedule = { stop(): Promise<void> };

/** EventBridge's rule for one function: once at start, then at the rate; a run that takes longer puts the next one off. */
export function startSchedule(options: ScheduleOptions): Schedule {
  const stopping = new AbortController();
  const running = repeat(options, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function repeat(options: ScheduleOptions, stopping: AbortSignal): Promise<void> {
  const { functionName, handler, schedule, timeoutSeconds } = options;
  const seconds = rateSeconds(schedule);
  while (!stopping.aborted) {
    // A run that failed has said why in its own last line; thrown, it is for Lambda to count.
    await handler({}, createContext(functionName, timeoutSeconds)).catch(() => undefined);
    if (seconds === undefined) return;
    await sleep(seconds * 1000, undefined, { signal: stopping }).catch(() => undefined);
  }
}
