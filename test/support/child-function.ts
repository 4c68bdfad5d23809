import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Handler } from "../../infra/local/functions.ts";

/**
 * A function in a process of its own, as Lambda runs it: one environment that is warm before the first event, replaced when
 * it dies, killed with SIGKILL when an event takes longer than `timeoutSeconds`.
 */
export function startChildFunction(file: URL, environment: Record<string, string | undefined>, timeoutSeconds: number) {
  const milliseconds = timeoutSeconds * 1000;
  const deaths: (string | number | null)[] = [];
  let isStopping = false;
  const start = () => {
    const child = fork(file, { env: { ...process.env, ...environment }, execArgv: [], silent: true });
    child.once("exit", (code, signal) => {
      if (isStopping) return;
      deaths.push(signal ?? code);
      warm = start();
    });
    return { child, ready: once(child, "message") };
  };
  let warm = start();

  const handler: Handler = async (event) => {
    const { child, ready } = warm;
    await ready;
    child.send({ event, milliseconds });
    return await answerOf(child, milliseconds);
  };
  return {
    handler,
    /** By what each environment died: a signal or an exit code. */
    deaths,
    ready: () => warm.ready,
    stop: async () => {
      isStopping = true;
      const gone = once(warm.child, "exit");
      warm.child.kill("SIGKILL");
      await gone;
    },
  };
}

async function answerOf(child: ChildProcess, milliseconds: number): Promise<unknown> {
  const timer = setTimeout(() => child.kill("SIGKILL"), milliseconds);
  const over = new AbortController();
  try {
    const [end] = await Promise.race([
      once(child, "message", { signal: over.signal }),
      once(child, "exit", { signal: over.signal }).then(() => [undefined]),
    ]);
    if (end === undefined) throw new Error("Runtime.ExitError");
    return end.answer;
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}
