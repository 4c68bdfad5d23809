import { afterAll, beforeAll, expect, it } from "vitest";
import { startBench } from "./bench/run.ts";

const PEOPLE = 10_000;

let bench: Awaited<ReturnType<typeof startBench>>;
beforeAll(async () => {
  bench = await startBench(PEOPLE);
});
afterAll(() => bench.stop());

/** People and own teams at 50 a page, and the list of scheduled tasks. */
const LISTS = PEOPLE / 50 + PEOPLE / 50 + 1;

it("10,000 people without a change cost the lists and nothing else", async () => {
  const { cpuSeconds, megabytes, requests, sent } = await bench.measure("no change");
  expect({ requests, sent }).toEqual({ requests: LISTS, sent: 0 });
  // Measured: 75 – 84 MB, 1.1 s (functions/directory-sync/README.md). Seconds of the CPU, which other programs cost nothing of.
  expect(megabytes).toBeLessThan(120);
  expect(cpuSeconds).toBeLessThan(4);
}, 60_000);

it("1 % of 10,000 people changed sends one message for each of them", async () => {
  expect(await bench.measure("1 % changed")).toMatchObject({ requests: LISTS, sent: PEOPLE / 100 });
}, 60_000);
