import { readFileSync } from "node:fs";
import { CreateQueueCommand, SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type EmbeddedQueues, startEmbeddedQueues } from "../infra/local/embedded-queues.ts";
import { letterOf } from "./support/letters.ts";
import { startOps } from "./support/ops-child.ts";

const LETTERS = 20_000;
const PEOPLE = 5_000;
const LARGE_LETTERS = 200;
const LARGE_BYTES = 200_000;

// The queue as npm start has it: without the rules that tests put before it.
let queues: EmbeddedQueues;
let client: SQSClient;
let environment: Record<string, string>;
beforeAll(async () => {
  queues = await startEmbeddedQueues();
  client = new SQSClient({ endpoint: queues.endpoint });
  const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: "hubforge-test-dead-letters" }));
  const url = new URL(new URL(QueueUrl ?? "").pathname, queues.endpoint).href;
  environment = { QUEUE_URL_DEAD_LETTERS: url, AWS_ENDPOINT_URL: queues.endpoint };
});
afterAll(async () => {
  client.destroy();
  await queues.stop();
});

async function send(bodies: string[]): Promise<void> {
  const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
  const QueueUrl = environment["QUEUE_URL_DEAD_LETTERS"];
  for (let start = 0; start < Entries.length; start += 40) {
    const batches = [0, 10, 20, 30].map((offset) => Entries.slice(start + offset, start + offset + 10));
    const full = batches.filter((batch) => batch.length > 0);
    await Promise.all(full.map((batch) => client.send(new SendMessageBatchCommand({ QueueUrl, Entries: batch }))));
  }
}

/** Runs it and tells how long it took and how much memory it had at most. */
async function measured(words: string[]) {
  const startedAt = performance.now();
  const child = startOps(words, environment);
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

it("reads 20,000 letters within a minute, large ones among them, in bounded memory", { timeout: 180_000 }, async () => {
  const letters = Array.from({ length: LETTERS }, (_, index) => letterOf(`user${index % PEOPLE}`));
  const large = { ...letterOf("ada"), rawBody: "x".repeat(LARGE_BYTES) };
  await send(letters.map((letter) => JSON.stringify(letter)));
  for (let sent = 0; sent < LARGE_LETTERS; sent += 1)
    await send([JSON.stringify({ ...large, failureId: `large${sent}` })]);
  const { code, seconds, megabytes, child } = await measured(["dead-letters", "stats"]);
  expect(code).toBe(0);
  expect(JSON.parse(child.stdout())).toMatchObject({ letters: LETTERS + LARGE_LETTERS, people: PEOPLE + 1 });
  process.stderr.write(`${LETTERS} letters: ${seconds.toFixed(1)} s, ${megabytes.toFixed(0)} MB\n`);
  expect(seconds).toBeLessThan(60);
  expect(megabytes).toBeLessThan(500);
});
