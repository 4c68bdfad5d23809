import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { isRunning } from "../is-running.ts";
import { LOG_FILE, OPS_FILE } from "./publish-stack.ts";

const HOME = fileURLToPath(new URL("../../.hubforge", import.meta.url));

const State = z.object({
  url: z.string(),
  /** What its functions see: queue URLs, Gitea's and the directory's settings, the queue's endpoint. */
  environment: z.record(z.string(), z.string()),
  /** The emulated cloud's. */
  deployment: z.object({ stage: z.string() }).optional(),
  parameters: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
});

/** A stack that runs from this folder, as publish-stack.ts wrote it into `.hubforge/run-<process id>/`. */
export type LocalStack = z.infer<typeof State> & { pid: number; log: string };

/** The stacks that run now, oldest process first. */
export function runningStacks(home = HOME): LocalStack[] {
  return runs(home)
    .filter(isRunning)
    .toSorted((one, other) => one - other)
    .flatMap((pid) => readStack(join(home, `run-${pid}`), pid) ?? []);
}

function runs(home: string): number[] {
  try {
    return readdirSync(home).flatMap((name) => Number(/^run-(\d+)$/.exec(name)?.[1]) || []);
  } catch {
    return []; // no stack has ever run here
  }
}

function readStack(path: string, pid: number): LocalStack | undefined {
  try {
    const state = State.parse(JSON.parse(readFileSync(join(path, OPS_FILE), "utf8")));
    return { ...state, pid, log: join(path, LOG_FILE) };
  } catch {
    return undefined; // still starting, or already gone
  }
}
