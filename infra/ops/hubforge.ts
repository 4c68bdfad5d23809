#!/usr/bin/env node
import { keystrokes } from "../keystrokes.ts";
import { runCommandLine } from "./command-line.ts";

/** The first Ctrl-C ends in good order: what is held is given back. The second ends at once. */
const interruption = new AbortController();
const isKeystroke = keystrokes();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (!isKeystroke()) return;
    if (interruption.signal.aborted) process.exit(130);
    interruption.abort();
  });
}

const { stdin, stdout, stderr, env } = process;
process.exitCode = await runCommandLine(process.argv.slice(2), {
  streams: { stdin, stdout, stderr },
  environment: env,
  signal: interruption.signal,
});
