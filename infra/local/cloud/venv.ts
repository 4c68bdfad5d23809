import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { why } from "#shared/why.ts";
import { releaseLock, takeLock } from "../lock-file.ts";
import { findPython, type PythonRange } from "./python.ts";

const run = promisify(execFile);

export type VenvOptions = {
  name: string;
  /** A requirements file with exact versions. */
  requirements: URL;
  python: PythonRange;
  /** About what it takes of the disk. */
  megabytes: number;
  /** What works without it, for the sentence that says why there is none. */
  without?: string;
  say: (line: string) => void;
};

/**
 * The Python of a venv that holds exactly these requirements; made at the first call and kept in the user's cache, once even
 * if several processes ask at the same time.
 * @throws Error with one sentence: no Python, no network, no space
 */
export async function ensureVenv(options: VenvOptions): Promise<string> {
  const { name, requirements, python, megabytes, without = "npm start without --cloud", say } = options;
  const { program, version } = await findPython(python, without);
  const text = await readFile(requirements, "utf8");
  const key = createHash("sha256").update(`${program} ${version} ${text}`).digest("hex").slice(0, 12);
  const folder = join(cacheFolder(), `${name}-${key}`);
  const done = join(folder, "complete");
  const own = join(folder, "bin/python");
  const isThere = () => existsSync(done) && existsSync(own);
  if (!isThere()) {
    await makeCacheFolder();
    await alone({ lock: join(cacheFolder(), "install.lock"), say }, async () => {
      if (isThere()) return;
      say(`installing ${name} into ${folder} (once; up to two minutes and ${megabytes} MB, without a word from pip)`);
      await install(folder, program, { name, requirements, without });
      await writeFile(done, "");
    });
  }
  return own;
}

function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "hubforge");
}

async function makeCacheFolder(): Promise<void> {
  try {
    await mkdir(cacheFolder(), { recursive: true });
  } catch (cause) {
    throw new Error(`${cacheFolder()} cannot be made (${why(cause)}): set XDG_CACHE_HOME to a folder that can`, {
      cause,
    });
  }
}

type Wanted = { name: string; requirements: URL; without: string };

async function install(folder: string, program: string, { name, requirements, without }: Wanted): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  try {
    await run(program, ["-m", "venv", folder]);
    const pip = [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "--requirement",
      fileURLToPath(requirements),
    ];
    await run(join(folder, "bin/python"), pip);
  } catch (cause) {
    await rm(folder, { recursive: true, force: true });
    const words = cause instanceof Error && "stderr" in cause ? String(cause.stderr) : String(cause);
    const last = words.split("\n").findLast((line) => /error/i.test(line)) ?? words.trim();
    throw new Error(
      `${name} could not be installed (${last.trim()}): it needs a Python package registry; ${without} does not`,
      { cause },
    );
  }
}

type Waiting = { lock: string; say: (line: string) => void };

async function alone({ lock, say }: Waiting, work: () => Promise<void>): Promise<void> {
  let told: number | undefined;
  for (let holder = await takeLock(lock); holder !== undefined; holder = await takeLock(lock)) {
    if (holder !== told) say(`waiting for process ${holder}, which installs as well (it holds ${lock})`);
    told = holder;
    await sleep(300);
  }
  try {
    await work();
  } finally {
    releaseLock(lock);
  }
}
