import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { queueUrlVariable } from "#shared/pipeline.ts";
import { ALL_QUEUES } from "../infra/ops/target.ts";
import { startConsole } from "./support/console.ts";
import { letterOf, sendLetters } from "./support/letters.ts";
import { startOps } from "./support/ops-child.ts";
import { startQueues, type TestQueues } from "./support/queues.ts";

/** Accepts every connection and never says a word. */
let silent: Server;
let silence: Record<string, string>;
beforeAll(async () => {
  silent = createServer((socket) => void socket.on("error", () => undefined)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const address = silent.address();
  const endpoint = `http://127.0.0.1:${typeof address === "object" && address?.port}`;
  const credentials = { AWS_REGION: "eu-central-1", AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
  const urls = ALL_QUEUES.map((queue) => [queueUrlVariable(queue), `${endpoint}/000000000000/hubforge-prod-${queue}`]);
  silence = { ...credentials, AWS_ENDPOINT_URL: endpoint, ...Object.fromEntries(urls) };
});
afterAll(() => void silent.close());

describe("a server that accepts and never answers", () => {
  it.each(["dead-letters list", "queues", "trace ada", "--deployment prod queues"])(
    "%s: the first Ctrl-C ends the waiting",
    async (line) => {
      const asked = once(silent, "connection");
      const child = startOps(line.split(" "), silence);
      const early = child.ended.then((code) => Promise.reject(new Error(`ended ${code}: ${child.stderr()}`)));
      await Promise.race([asked, early]);
      early.catch(() => undefined);
      const before = performance.now();
      child.process.kill("SIGINT");
      expect([await child.ended, child.stderr()]).toEqual([130, expect.stringContaining("interrupted")]);
      expect(performance.now() - before).toBeLessThan(3_000);
    },
  );

  it("is given up, and said in one sentence", async () => {
    const lines = ["dead-letters list", "queues", "trace ada"];
    const children = lines.map((line) => startOps(line.split(" "), { ...silence, AWS_MAX_ATTEMPTS: "1" }));
    for (const child of children) {
      expect([await child.ended, child.stderr()]).toEqual([1, expect.stringMatching(/does not answer/)]);
    }
  });

  it("is said by the console's page, which does not wait for it", async () => {
    const { url, process, ended } = await startConsole(silence);
    const { origin, hash } = new URL(url);
    const session = await fetch(`${origin}/session`, { method: "POST", headers: { origin }, body: hash.slice(1) });
    const headers = { cookie: String(session.headers.get("set-cookie")).split(";")[0] ?? "" };
    const before = performance.now();
    const page = await fetch(origin, { headers });
    expect(await page.text()).toContain("does not answer");
    expect(performance.now() - before).toBeLessThan(7_000);
    process.kill("SIGINT");
    expect(await ended).toBe(0);
  });
});

describe("SQS falls silent", () => {
  let queues: TestQueues;
  let environment: Record<string, string>;
  beforeEach(async () => {
    queues = await startQueues();
    environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint };
    await sendLetters(queues, [letterOf("ada")]);
  });
  afterEach(() => queues.stop());
  const REPLAY = ["dead-letters", "replay", "--no-ask", "--execute", "--yes"];

  it("while a replay sends: Ctrl-C ends it soon, and the letter stays", async () => {
    const child = startOps(REPLAY, environment);
    queues.setFault(({ action }) => {
      if (action !== "SendMessage") return undefined;
      child.process.kill("SIGINT");
      return "silent";
    });
    expect(await child.ended).toBe(130);
    expect(queues.messagesIn("dead-letters")).toHaveLength(1);
    queues.setFault(undefined);
  });

  it("when letters are given back: what was done counts, and what was not is said", async () => {
    await sendLetters(queues, [letterOf("bob")]);
    queues.setFault(({ action }) => (action === "ChangeMessageVisibilityBatch" ? "silent" : undefined));
    const child = startOps([...REPLAY, "--user", "ada"], { ...environment, AWS_MAX_ATTEMPTS: "1" });
    expect([await child.ended, child.stderr()]).toEqual([
      0,
      expect.stringMatching(/1 replayed\n.*SQS did not take back all that was held, the rest is back within 120 s/),
    ]);
    queues.setFault(undefined);
  });
});
