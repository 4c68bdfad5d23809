import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { isRunning } from "../is-running.ts";
import { leftIn } from "./left-over.ts";

/**
 * Each run of the local stack lies in `.hubforge/run-<process id>` and takes that with it when it ends, so that a start is
 * always a first login and two runs never meet. What a killed run left behind is swept away by the next one.
 */
const HOME = fileURLToPath(new URL("../../.hubforge", import.meta.url));
const STATE_FILE = "stack.json";

const State = z.object({
  url: z.string(),
  hub: z.string(),
  secret: z.string(),
  hubPid: z.int().optional(),
});
/** What another command needs to reach a running stack. */
export type State = z.infer<typeof State>;

export type RunFolder = { path: string; writeState(state: State): void; remove(): void };

export function createRunFolder(): RunFolder {
  const path = join(HOME, `run-${process.pid}`);
  // Not `recursive`: that turns "read-only" into "no such folder".
  if (!existsSync(HOME)) mkdirSync(HOME);
  chmodSync(HOME, 0o700); // what lies below holds secrets, also of a Gitea of the user's own
  for (const run of runs()) if (!isRunning(run.pid) || run.path === path) sweep(run.path);
  mkdirSync(path, { mode: 0o700 });
  return {
    path,
    writeState: (state) => writeFileSync(join(path, STATE_FILE), JSON.stringify(state), { mode: 0o600 }),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Nothing is kept of a run, so nothing of it has to end in order. */
function sweep(path: string): void {
  const { hubPid } = readState(path) ?? {};
  for (const pid of leftIn(path, [hubPid])) process.kill(pid, pid === hubPid ? "SIGTERM" : "SIGKILL");
  rmSync(path, { recursive: true, force: true });
}

/** The stacks that run from this folder now, the newest last. */
export function runningStacks(): State[] {
  return runs()
    .filter(({ pid }) => isRunning(pid))
    .flatMap(({ path }) => {
      const state = readState(path);
      return state ? [{ state, since: statSync(path).birthtimeMs }] : [];
    })
    .toSorted((one, other) => one.since - other.since)
    .map(({ state }) => state);
}

function readState(path: string): State | undefined {
  try {
    return State.parse(JSON.parse(readFileSync(join(path, STATE_FILE), "utf8")));
  } catch {
    return undefined; // still starting, or already gone
  }
}

function runs(): { pid: number; path: string }[] {
  try {
    return readdirSync(HOME).flatMap((name) => {
      const pid = Number(/^run-(\d+)$/.exec(name)?.[1]);
      return pid > 0 ? [{ pid, path: join(HOME, name) }] : [];
    });
  } catch {
    return []; // no stack has ever run here
  }
}
