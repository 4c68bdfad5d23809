import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { releaseLock, takeLock } from "../infra/local/lock-file.ts";

let lock: string;
let dir: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "hubforge-lock-"));
  lock = join(dir, "lock");
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(dir, { recursive: true, force: true });
});

const MODULE = new URL("../infra/local/lock-file.ts", import.meta.url);

/** Another process that asks for the lock; it prints who has it, or `mine`, and lives on. */
async function contender(): Promise<{ pid: number; answer: string }> {
  const script = `const { takeLock } = await import("${MODULE}"); console.log((await takeLock(${JSON.stringify(lock)})) ?? "mine"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script]);
  children.push(child);
  const [answer] = await once(child.stdout, "data");
  return { pid: child.pid ?? 0, answer: String(answer).trim() };
}

describe("a lock file", () => {
  it("is taken by one of several that come at once, and the others are told by whom", async () => {
    const all = await Promise.all([contender(), contender(), contender()]);
    const owners = all.filter(({ answer }) => answer === "mine");
    expect(owners).toHaveLength(1);
    const others = all.filter(({ answer }) => answer !== "mine");
    expect(others.map(({ answer }) => answer)).toEqual(others.map(() => String(owners[0]?.pid)));
    expect(await takeLock(lock)).toBe(owners[0]?.pid);
  });

  it("is taken over from a killed process whose number a stranger has by now", async () => {
    const stranger = spawn("sleep", ["60"]);
    children.push(stranger);
    await writeFile(lock, `${stranger.pid}\nnode infra/local/start.ts --cloud`);
    expect(await takeLock(lock)).toBeUndefined();
    expect((await readFile(lock, "utf8")).split("\n")[0]).toBe(String(process.pid));
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
  });

  it("is taken over from a killed process of the number that this one has now", async () => {
    await takeLock(lock);
    const text = await readFile(lock, "utf8");
    releaseLock(lock);
    await writeFile(lock, text);
    expect(await takeLock(lock)).toBeUndefined();
    expect(await takeLock(lock)).toBe(process.pid);
  });

  it("is waited for while its holder writes, and not for one that was killed meanwhile", async () => {
    await writeFile(lock, "");
    const taking = takeLock(lock);
    expect(await Promise.race([taking, new Promise((resolve) => setTimeout(resolve, 500, "waiting"))])).toBe("waiting");
    await utimes(lock, new Date(0), new Date(0));
    expect(await taking).toBeUndefined();
  });
});
