import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

export type StartChild = {
  process: ChildProcess;
  /** What it has said so far. */
  stdout(): string;
  stderr(): string;
  /** The exit code, or the signal that ended it. */
  ended: Promise<number | string>;
};

/** `npm start -- <words>` in this folder, without npm: its shell would keep a signal to itself. The shell has no other settings. */
export function startChild(folder: string, words: readonly string[], more: Record<string, string> = {}): StartChild {
  const { PATH = "", HOME = "", XDG_CACHE_HOME } = process.env;
  const env = { PATH, HOME, ...(XDG_CACHE_HOME && { XDG_CACHE_HOME }), ...more };
  const child = spawn(process.execPath, ["infra/local/start.ts", ...words], { cwd: folder, env });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    said.stdout += chunk;
  });
  child.stderr.on("data", (chunk: Buffer) => {
    said.stderr += chunk;
  });
  const ended = once(child, "close").then(([code, signal]) => signal ?? code);
  return { process: child, stdout: () => said.stdout, stderr: () => said.stderr, ended };
}
