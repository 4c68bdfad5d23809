import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { findOrInstallHub } from "../infra/local/hub/install-hub.ts";

const run = promisify(execFile);
const ROOT = new URL("..", import.meta.url).pathname;
const FILES = readdirSync(`${ROOT}/test/hub`).filter((name) => /^test_.*\.py$/.test(name));
/** What test/e2e has not: starts that fail in four ways or are cancelled, a profile merged last (F3), the hub's latency … */
const REAL_HUB = readFileSync(`${ROOT}/test/hub/real_hub.py`, "utf8");
const CLASSES = [...REAL_HUB.matchAll(/^class (\w+)\(HubCase\)/gm)].map(([, name = ""]) => name);

/** Ends with the tests' own words where they fail. */
async function unittest(words: string[], environment: Record<string, string> = {}): Promise<string> {
  const env = { ...process.env, PYTHONPATH: "test/hub", PYTHONDONTWRITEBYTECODE: "1", ...environment };
  const ran = run("python3", ["-m", "unittest", ...words], { cwd: ROOT, env });
  const { stdout, stderr } = await ran.catch((error: { stdout: string; stderr: string }) => error);
  return stdout + stderr;
}

describe("the hub's Python side", () => {
  it.concurrent.each(FILES)(
    "%s",
    async (file) => {
      expect(await unittest(["discover", "-s", "test/hub", "-p", file])).toMatch(/\nOK( \(skipped=\d+\))?\n$/);
    },
    240_000,
  );

  it("in a real hub tells how every start ends, keeps a profile's environment beside ours, and holds nobody up", async () => {
    const { bin, proxy } = await findOrInstallHub((line) => process.stderr.write(`${line}\n`));
    const environment = {
      HUBFORGE_HUB_VENV: dirname(bin),
      HUBFORGE_HUB_PROXY: proxy,
      PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`,
    };
    const others = CLASSES.filter((name) => name !== "Latency").map((name) =>
      unittest([`real_hub.${name}`], environment),
    );
    const all = await Promise.all(others);
    const told = await unittest(["real_hub.Latency"], environment); // it measures, so nothing runs beside it
    for (const one of [...all, told]) expect(one).toMatch(/\nRan [1-9]\d* tests? in .*\n\nOK\n$/);
    process.stdout.write(told.replace(/^(?!(without|ingress)).*\n/gm, ""));
  }, 400_000);
});
