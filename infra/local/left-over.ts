import { readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { commandOf } from "../command-of.ts";

/** Where slapd and an emulator have their process ids, below a stack's folder. */
const PID_FILES = ["slapd/slapd.pid", "cloud/pid"];

/** An emulator may take this long to write down its state. */
const ENDS_WITHIN_MILLISECONDS = 20_000;

/**
 * The processes that a start which was killed outright has left in its folder. A number alone says nothing, since by now it may
 * belong to a program that is none of ours: the folder has to be named on its command line.
 */
export function leftIn(folder: string, others: readonly (number | undefined)[] = []): number[] {
  const noted = PID_FILES.map((file) => Number(textOf(join(folder, file))));
  return [...others, ...noted].filter((pid) => pid !== undefined && pid > 0 && isOf(folder, pid)).map(Number);
}

/** Ends them, and is back when they are gone: they hold ports and the folder's state. */
export async function endLeftOver(folder: string): Promise<void> {
  const left = leftIn(folder);
  for (const pid of left) process.kill(pid, "SIGTERM");
  const deadline = Date.now() + ENDS_WITHIN_MILLISECONDS;
  while (Date.now() < deadline && left.some((pid) => isOf(folder, pid))) await sleep(50);
  for (const pid of left.filter((one) => isOf(folder, one))) process.kill(pid, "SIGKILL");
  while (left.some((pid) => isOf(folder, pid))) await sleep(50);
}

const isOf = (folder: string, pid: number) => commandOf(pid).includes(`${folder}${sep}`);

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // it never came to that
  }
}
