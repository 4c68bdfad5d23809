import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { EXIT } from "../exit-codes.ts";
import { parseCount } from "../options.ts";
import { inertJson } from "../output/inert.ts";
import { ALL_QUEUES } from "../target.ts";
import { openTarget, type Verb } from "./context.ts";

export type ConsoleOptions = { port?: string };

/** Begun with `&` in a terminal: whoever reads from it there is stopped by it. */
function isInBackground(): boolean {
  const { status, stdout } = spawnSync("ps", ["-o", "pgid=,tpgid=", "-p", String(process.pid)], { encoding: "utf8" });
  if (status !== 0) return false;
  const [group, ofTerminal = -1] = stdout.trim().split(/\s+/).map(Number);
  return ofTerminal > 0 && ofTerminal !== group;
}

/** `console`: the page on 127.0.0.1, until Ctrl-C. */
export const openConsole: Verb<ConsoleOptions> = async (context, options) => {
  const { terminal, signal } = context;
  const port = options.port === undefined ? 0 : parseCount("--port", options.port, 65_535);
  const target = await openTarget(context, ALL_QUEUES);
  // Loaded only here: no other command needs a server.
  const { serveConsole } = await import("../console/serve-console.ts");
  const { newUrl, stop } = await serveConsole(target, port);
  const sayAddress = () => {
    const url = newUrl();
    terminal.data(terminal.isTable ? url : inertJson({ url }));
  };
  sayAddress();
  terminal.note(
    `the console of ${target.name}; the address opens one browser, once, for you alone. Enter prints another, Ctrl-C ends it`,
  );
  const lines = isInBackground() ? undefined : createInterface({ input: terminal.stdin }).on("line", sayAddress);
  if (!signal.aborted) await once(signal, "abort");
  lines?.close();
  const wasCut = await stop();
  if (wasCut) terminal.note("what was going on was cut short; everything that was held is given back");
  return wasCut ? EXIT.interrupted : EXIT.done;
};
