import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { commandOf } from "../command-of.ts";
import { isRunning } from "../is-running.ts";

/** How long a holder may take to write itself into the file that it has just made. */
const WRITING_MILLISECONDS = 5_000;

/** A process of an earlier life may have had our number, as in a container that begins again. */
const held = new Set<string>();

/**
 * Takes a lock file for this process. Where another one has it, returns that one's number. What a killed process left is taken
 * over, also if its number is by now that of a program which was called otherwise.
 */
export async function takeLock(path: string): Promise<number | undefined> {
  while (!make(path)) {
    const text = textOf(path);
    const holder = holderIn(text, path);
    if (holder !== undefined) return holder;
    if (text === "" && isFresh(path)) await sleep(50);
    else rmSync(path, { force: true });
  }
  held.add(path);
  return undefined;
}

export function releaseLock(path: string): void {
  held.delete(path);
  rmSync(path, { force: true });
}

function make(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid}\n${commandOf(process.pid)}`, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

function holderIn(text: string, path: string): number | undefined {
  const [pid = Number.NaN, command] = [Number(text.split("\n", 1)[0]), text.slice(text.indexOf("\n") + 1)];
  if (!(pid > 0) || !isRunning(pid) || commandOf(pid) !== command) return undefined;
  return pid === process.pid && !held.has(path) ? undefined : pid;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // its holder has just let it go
  }
}

function isFresh(path: string): boolean {
  const made = statSync(path, { throwIfNoEntry: false });
  return made !== undefined && Date.now() - made.mtimeMs < WRITING_MILLISECONDS;
}
