import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { letterOf, sendLetters } from "./support/letters.ts";
import { startOps } from "./support/ops-child.ts";
import { startQueues, type TestQueues } from "./support/queues.ts";

const LETTERS = 20_000;
const PEOPLE = 5_000;

let queues: TestQueues;
let environment: Record<string, string>;
beforeAll(async () => {
  queues = await startQueues();
  environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint };
});
afterAll(() => queues.stop());

/** Runs it and tells how long it took and how much memory it had at most. */
async function measured(words: string[], more: Record<string, string> = {}) {
  const startedAt = performance.now();
  const child = startOps(words, { ...environment, ...more });
  let megabytes = 0;
  const timer = setInterval(() => {
    megabytes = Math.max(megabytes, peakMegabytes(child.process.pid));
  }, 100);
  const code = await child.ended;
  clearInterval(timer);
  return { code, megabytes, seconds: (performance.now() - startedAt) / 1000, child };
}

function peakMegabytes(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0; // already gone, or not on Linux
  }
}

it("reads 20,000 letters within a minute, whatever their size, in bounded memory", { timeout: 180_000 }, async () => {
  const letters = Array.from({ length: LETTERS }, (_, index) => letterOf(`user${index % PEOPLE}`));
  await sendLetters(queues, letters);
  const { code, seconds, megabytes, child } = await measured(["dead-letters", "stats"]);
  expect(code).toBe(0);
  expect(JSON.parse(child.stdout())).toMatchObject({ letters: LETTERS, people: PEOPLE });
  process.stderr.write(`${LETTERS} letters: ${seconds.toFixed(1)} s, ${megabytes.toFixed(0)} MB\n`);
  expect(seconds).toBeLessThan(60);
  expect(megabytes).toBeLessThan(500);
});
