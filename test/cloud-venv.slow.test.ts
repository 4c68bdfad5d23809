import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { commandOf } from "../infra/command-of.ts";
import type { PythonRange } from "../infra/local/cloud/python.ts";
import { ensureVenv } from "../infra/local/cloud/venv.ts";
import { CLOSED_PORT } from "./support/ports.ts";

const run = promisify(execFile);

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "hubforge-venv-"));
  vi.stubEnv("XDG_CACHE_HOME", dir);
  vi.stubEnv("PIP_INDEX_URL", `http://127.0.0.1:${CLOSED_PORT}/simple`);
  vi.stubEnv("PIP_RETRIES", "0");
  vi.stubEnv("PIP_NO_CACHE_DIR", "1");
  vi.stubEnv("PIP_CONFIG_FILE", "/dev/null");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await chmod(dir, 0o700);
  await rm(dir, { recursive: true, force: true });
});

async function ensure(requirement = "ministack==1", say: (line: string) => void = () => undefined): Promise<string> {
  const file = join(dir, "requirements.txt");
  await writeFile(file, requirement);
  const requirements = pathToFileURL(file);
  const python: PythonRange = { from: [3, 8], to: [3, 99] };
  return await ensureVenv({ name: "emulator", requirements, python, megabytes: 7, say });
}

describe("the emulator's venv", () => {
  it("cannot be made without network: one sentence, what works without it, and nothing half made", async () => {
    await expect(ensure()).rejects.toThrow(
      /^emulator could not be installed \(.*error.*\): it needs a Python package registry; npm start without --cloud does not$/i,
    );
    expect(await readdir(join(dir, "hubforge"))).toEqual([]);
  }, 60_000);

  it.each([
    ["with the id of a process that is gone", "2147483646"],
    ["before it wrote its process id", ""],
  ])(
    "takes over the lock that a killed run left %s",
    async (_what, text) => {
      await mkdir(join(dir, "hubforge"));
      const lock = join(dir, "hubforge/install.lock");
      await writeFile(lock, text);
      await utimes(lock, new Date(0), new Date(0));
      await expect(ensure()).rejects.toThrow(/could not be installed/);
    },
    60_000,
  );

  it("is made where nobody holds the lock but a stranger, and says whom it waits for", async () => {
    await mkdir(join(dir, "hubforge"));
    const lock = join(dir, "hubforge/install.lock");
    const holder = spawn("sleep", ["60"]);
    onTestFinished(() => void holder.kill("SIGKILL"));
    await once(holder, "spawn");
    await writeFile(lock, `${holder.pid}\n${commandOf(holder.pid ?? 0)}`);
    const said: string[] = [];
    const ensuring = ensure("ministack==1", (line) => said.push(line)).catch((error: Error) => error.message);
    await expect
      .poll(() => said)
      .toEqual([`waiting for process ${holder.pid}, which installs as well (it holds ${lock})`]);
    await writeFile(lock, `${holder.pid}\nnode infra/local/start.ts --cloud`);
    expect(await ensuring).toContain("could not be installed");
    expect(said[1]).toMatch(
      /^installing emulator into .* \(once; up to two minutes and 7 MB, without a word from pip\)$/,
    );
    expect(said).toHaveLength(2);
  }, 60_000);

  it("is made anew where its Python has gone", async () => {
    const python = await ensure("");
    await rm(python);
    await expect(run(await ensure(""), ["--version"])).resolves.toMatchObject({
      stdout: expect.stringMatching(/^Python 3/),
    });
  }, 60_000);

  it("says so at once where its cache cannot be written", async () => {
    await writeFile(join(dir, "hubforge"), "a file where the folder should be");
    await expect(ensure()).rejects.toThrow(/hubforge cannot be made \(.*\): set XDG_CACHE_HOME to a folder that can$/);
  });
});
