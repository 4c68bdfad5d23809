import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { findOrInstallHub } from "../infra/local/hub/install-hub.ts";

const run = promisify(execFile);
const ROOT = new URL("..", import.meta.url).pathname;
const FILES = readdirSync(`${ROOT}/test/hub`).filter((name) => /^test_.*\.py$/.test(name));
/** Scenarios of real_hub.py that test/e2e has not: a profile merged last (F3), and the hub's latency beside one without us. */
const SCENARIOS = ["Profiles", "Latency", "FirstLogin.test_the_progress_page_says_what_is_going_on"];

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

  it("in a real hub keeps a profile's environment beside ours, says what is going on, and holds nobody up", async () => {
    const { bin, proxy } = await findOrInstallHub((line) => process.stderr.write(`${line}\n`));
    const environment = {
      HUBFORGE_HUB_VENV: dirname(bin),
      HUBFORGE_HUB_PROXY: proxy,
      PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`,
    };
    const told = await unittest(
      SCENARIOS.map((name) => `real_hub.${name}`),
      environment,
    );
    expect(told).toMatch(/\nOK\n$/);
    process.stdout.write(told.replace(/^(?!(without|ingress)).*\n/gm, ""));
  }, 240_000);
});
