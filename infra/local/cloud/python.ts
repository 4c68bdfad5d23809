import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

const PROGRAMS = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"];
const PROBE = "import sys, venv, ensurepip; print(sys.executable, sys.version_info[0], sys.version_info[1])";

export type Python = { program: string; version: [number, number] };
/** Both ends included, e.g. `{ from: [3, 10], to: [3, 13] }`. */
export type PythonRange = { from: [number, number]; to: [number, number] };

/** No Python of this range that can make a venv; the message says what to install. */
export class PythonMissing extends Error {
  override readonly name = "PythonMissing";
}

/** The first Python on PATH that fits and can make a venv. @throws PythonMissing */
export async function findPython(range: PythonRange, without = "npm start without --cloud"): Promise<Python> {
  const seen: string[] = [];
  for (const program of PROGRAMS) {
    const python = await ask(program);
    if (!python) continue;
    if (isBetween(python.version, range)) return python;
    seen.push(`${program} is ${python.version.join(".")}`);
  }
  const wanted = `Python ${range.from.join(".")} to ${range.to.join(".")} with venv`;
  const found = seen.length > 0 ? ` (${seen.join(", ")})` : "";
  throw new PythonMissing(
    `${wanted} is missing on this machine${found}. On Debian: sudo apt-get install -y python3-venv. ${without} needs no Python`,
  );
}

async function ask(program: string): Promise<Python | undefined> {
  try {
    const { stdout } = await run(program, ["-c", PROBE]);
    const [, executable = program, major, minor] = /^(.*) (\d+) (\d+)$/.exec(stdout.trim()) ?? [];
    return { program: executable, version: [Number(major), Number(minor)] };
  } catch {
    return undefined; // not there, or without what a venv needs
  }
}

function isBetween([major, minor]: [number, number], { from, to }: PythonRange): boolean {
  const number = (version: [number, number]) => version[0] * 1000 + version[1];
  return number([major, minor]) >= number(from) && number([major, minor]) <= number(to);
}
