import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { keptPort } from "../kept-port.ts";
import { endLeftOver } from "../left-over.ts";
import { releaseLock, takeLock } from "../lock-file.ts";
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
  const kept = await takeFolder(join(HOME, cloud));
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

/** Two emulators over one state would ruin it: what a killed start left running here is ended first. */
export async function takeFolder(path: string): Promise<{ path: string; release(): void }> {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const owner = join(path, "owner");
  const other = await takeLock(owner);
  if (other !== undefined) {
    throw new Error(`another npm start -- --cloud runs from this folder (process ${other}): end it, or add --once`);
  }
  await endLeftOver(path);
  return { path, release: () => releaseLock(owner) };
}
