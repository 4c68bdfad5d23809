import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { OPS_FILE } from "../infra/ops/publish-stack.ts";
import { findTarget } from "../infra/ops/target.ts";
import { runOps } from "./support/ops.ts";

/** Two stacks that run, as far as anybody can tell: processes that live, and what stacks write down. */
const stacks: { child: ChildProcess; folder: string }[] = [];
const before = { ...process.env };
beforeAll(() => {
  while (stacks.length < 2) {
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"]);
    const folder = fileURLToPath(new URL(`../.hubforge/run-${child.pid}/`, import.meta.url));
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}${OPS_FILE}`, JSON.stringify({ url: "http://127.0.0.1:9", environment: {} }));
    stacks.push({ child, folder });
  }
});
afterAll(() => {
  for (const { child, folder } of stacks) {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];
  Object.assign(process.env, before);
});
const names = () => stacks.map(({ child }) => `local-${child.pid}`);

it("says which of several local stacks it means, and how to name another", async () => {
  const { stderr } = await runOps(["queues"], { environment: {} });
  const [said = ""] = stderr.split("\n");
  expect(said).toMatch(/^\d+ local stacks run here: this is local-\d+; --deployment names another \(local-.*\)$/);
  for (const name of names()) expect(said).toContain(name);
});

it("goes on about the same one in what it tells to do next", async () => {
  const { asked, stack } = await findTarget({ queues: [] }, {});
  expect(asked).toBe(`local-${stack?.pid}`);
});

it("says nothing where one was named", async () => {
  for (const name of names()) {
    const { asked, aside, stack } = await findTarget({ deployment: name, queues: [] }, {});
    expect({ asked, aside, stack: `local-${stack?.pid}` }).toEqual({ asked: name, aside: undefined, stack: name });
  }
});

it("names those that run when the one that was named does not", async () => {
  const { code, stderr } = await runOps(["--deployment", "local-1", "queues"], { environment: {} });
  expect(code).toBe(2);
  expect(stderr).toContain("no local stack of process 1 is running; local-");
});
