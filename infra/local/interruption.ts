import { keystrokes } from "../keystrokes.ts";
import type { RunFolder } from "./run-folder.ts";
import type { Stack } from "./stack.ts";

const STOP_WITHIN_MILLISECONDS = 3_000;
/** An emulator that is killed while it writes its state down has none afterwards. */
const CLOUD_STOPS_WITHIN_MILLISECONDS = 30_000;
/** A hub ends its people's servers first, and then sends what is left for 5 s. */
const HUB_STOPS_WITHIN_MILLISECONDS = 20_000;

const STOPS_WITHIN_MILLISECONDS = {
  cloud: CLOUD_STOPS_WITHIN_MILLISECONDS,
  hub: HUB_STOPS_WITHIN_MILLISECONDS,
  nothing: STOP_WITHIN_MILLISECONDS,
};

/** The exit code that a signal (or a reader who went away) asks for, once it came; a second one ends everything at once. */
export function interrupted(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const isKeystroke = keystrokes();
  let isSecond = false;
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.on(signal, () => {
      if (!isKeystroke()) return;
      if (isSecond) process.exit(code);
      isSecond = true;
      resolve(code);
    });
  }
  process.stdout.on("error", () => resolve(141));
  return promise;
}

/** A handler that hangs on a dead Gitea keeps its time-out on Lambda; a person at the keyboard does not wait for it. */
export async function stopSoon(
  stack: Pick<Stack, "stop">,
  { folder, code, beside }: { folder: RunFolder; code: number; beside: "cloud" | "hub" | undefined },
): Promise<void> {
  const late = setTimeout(
    () => {
      folder.remove();
      process.exit(code);
    },
    STOPS_WITHIN_MILLISECONDS[beside ?? "nothing"],
  );
  await stack.stop();
  clearTimeout(late);
}
