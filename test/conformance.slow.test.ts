import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startLocalStackCore } from "../infra/local/cloud/localstack.ts";
import { startMinistack } from "../infra/local/cloud/ministack.ts";
import { startEmbeddedQueues } from "../infra/local/embedded-queues.ts";
import { benchOn, FACTS } from "./support/fifo-facts.ts";

type Engine = { name: string; endpoint: string; stop(): Promise<void> };

let dir: string;
const engines: Engine[] = [];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "hubforge-facts-"));
  const say = () => undefined;
  const [embedded, ministack, localstack] = await Promise.all([
    startEmbeddedQueues(),
    startMinistack({ dir: join(dir, "ministack"), say }),
    startLocalStackCore({ dir: join(dir, "localstack"), say }),
  ]);
  engines.push({ ...embedded, name: "fauxqs" }, ministack, localstack);
}, 240_000);
afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.stop()));
  await rm(dir, { recursive: true, force: true });
}, 60_000);

/** One column: what this engine does about each fact. */
async function see({ endpoint }: Engine): Promise<string[]> {
  const bench = benchOn(endpoint);
  const seen: string[] = [];
  for (const { see: look } of FACTS) seen.push(await look(bench).catch((error: Error) => `error: ${error.name}`));
  bench.close();
  return seen;
}

it("every engine does about FIFO queues what infra/local/README.md says, no more and no less", async () => {
  const columns = await Promise.all(engines.map(see));
  const head = ["fact", "AWS says", ...engines.map(({ name }) => name)];
  const rows = FACTS.map(({ fact, aws }, index) => [
    fact,
    aws,
    ...columns.map((column) => (column[index] === aws ? "✔" : `**${column[index]}**`)),
  ]);
  const table = [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
  process.stdout.write(`${table}\n`);
  const readme = await readFile(new URL("../infra/local/README.md", import.meta.url), "utf8");
  expect(readme).toContain(table);
}, 110_000);
