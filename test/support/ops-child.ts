import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const HUBFORGE = fileURLToPath(new URL("../../infra/ops/hubforge.ts", import.meta.url));

export type OpsChild = {
  process: ChildProcess;
  /** What it has said so far. */
  stdout(): string;
  stderr(): string;
  /** The exit code, or the signal that ended it. */
  ended: Promise<number | string>;
};

/** `hubforge <words>` as a process of its own, which can be interrupted or killed. */
export function startOps(words: readonly string[], environment: Record<string, string | undefined>): OpsChild {
  const child = spawn(process.execPath, [HUBFORGE, ...words], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
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
