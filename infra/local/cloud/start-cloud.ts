import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isRunning } from "../../is-running.ts";
import { keptPort } from "../kept-port.ts";
import type { Screen } from "../progress.ts";
import type { Stack, StackOptions } from "../stack.ts";
import type { Cloud, Flags } from "../start-flags.ts";
import { startCloudStack } from "./cloud-stack.ts";
import { startLocalStackCore } from "./localstack.ts";
import { startMinistack } from "./ministack.ts";

const HOME = fileURLToPath(new URL("../../../.hubforge", import.meta.url));

/**
 * `npm start -- --cloud`: with `--once` everything is made anew and goes when it ends; else it lies in `.hubforge/<cloud>`
 * and the next start goes on with it.
 */
export async function startCloud(cloud: Cloud, flags: Flags, options: StackOptions, screen: Screen): Promise<Stack> {
  const startEmulator = cloud === "ministack" ? startMinistack : startLocalStackCore;
  const say = (text: string) => {
    for (const line of text.split("\n").filter((part) => part.trim() !== "")) screen.say(screen.dim(`    ${line}`));
  };
  const { sqsEndpoint: _, ...others } = options;
  if (flags.once) return await startCloudStack({ ...others, startEmulator, say, isPassing: true });
  const kept = takeFolder(join(HOME, cloud));
  try {
    const ports = await keptDoor(kept.path, flags.ports);
    const stack = await startCloudStack({ ...others, ports, dir: kept.path, startEmulator, say });
    return { ...stack, stop: () => stack.stop().finally(kept.release) };
  } catch (error) {
    kept.release();
    throw error;
  }
}

/** A hub has the address of the last time, unless another port is asked for. */
async function keptDoor(path: string, ports: readonly number[]): Promise<number[]> {
  const [first, ...others] = ports;
  return others.length === 0 ? [...ports] : [await keptPort(join(path, "ingress"), first), ...others];
}

/** Two emulators over one state would ruin it. */
function takeFolder(path: string): { path: string; release(): void } {
  mkdirSync(path, { recursive: true });
  const owner = join(path, "owner");
  const pid = Number(readOrEmpty(owner));
  if (pid > 0 && pid !== process.pid && isRunning(pid)) {
    throw new Error(`another npm start -- --cloud runs from this folder (process ${pid}): end it, or add --once`);
  }
  writeFileSync(owner, String(process.pid));
  return { path, release: () => rmSync(owner, { force: true }) };
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
