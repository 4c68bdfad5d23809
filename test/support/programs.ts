import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What the tests call by name; Debian's packages have the same names. */
const PROGRAMS = ["git", "openssl", "python3"];
/** The small ones: which Python a machine has is its owner's choice. */
const INSTALLABLE = ["git", "openssl"];

/**
 * Finds the programs that tests call; where we are root on a Debian the small ones are installed.
 * @throws Error with one sentence that names all that are missing, and the command which installs them
 */
export async function findOrInstallPrograms(say: (line: string) => void): Promise<void> {
  const missing = missingPrograms();
  const wanted = missing.filter((name) => INSTALLABLE.includes(name));
  if (wanted.length > 0 && process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) await install(wanted, say);
  const still = missingPrograms();
  if (still.length > 0)
    throw new Error(`the tests call ${still.join(", ")}, missing on this machine: ${byHand(still)}`);
}

function missingPrograms(): string[] {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return PROGRAMS.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
}

const byHand = (names: string[]) => `sudo apt-get install -y --no-install-recommends ${names.join(" ")}`;

async function install(names: string[], say: (line: string) => void): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  say(`${names.join(", ")} missing: apt-get install`);
  const options = ["-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];
  try {
    await run("apt-get", ["update", "-qq"], { env });
    await run("apt-get", ["install", ...options, ...names], { env });
  } catch (cause) {
    throw new Error(`installing ${names.join(", ")} failed, try it by hand: ${byHand(names)}`, { cause });
  }
}
