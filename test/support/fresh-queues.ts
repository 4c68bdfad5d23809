import { afterEach, beforeEach } from "vitest";
import { startQueues, type TestQueues } from "./queues.ts";

/** Of the test that runs now: read where they are used, never kept. */
export type FreshQueues = { readonly queues: TestQueues; readonly environment: Record<string, string> };

/** Queues of its own for each test of the file, and the environment in which `hubforge` finds them. */
export function freshQueues(): FreshQueues {
  let started: TestQueues | undefined;
  const now = () => {
    if (!started) throw new Error("queues are started before each test, not before all");
    return started;
  };
  beforeEach(async () => {
    started = await startQueues();
  });
  afterEach(() => now().stop());
  return {
    get queues() {
      return now();
    },
    get environment() {
      return { ...now().environment, AWS_ENDPOINT_URL: now().endpoint };
    },
  };
}
