import type { RunFolder } from "./run-folder.ts";
import type { Stack } from "./stack.ts";

const STOP_WITHIN_MILLISECONDS = 3_000;
/** An emulator that is killed while it writes its state down has none afterwards. */
const CLOUD_STOPS_WITHIN_MILLISECONDS = 30_000;

/** The exit code that a signal (or a reader who went away) asks for, once it came; a second one ends everything at once. */
export function interrupted(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  let isSecond = false;
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.on(signal, () => {
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
  { folder, code, isCloud }: { folder: RunFolder; code: number; isCloud: boolean },
): Promise<void> {
  const late = setTimeout(
    () => {
      folder.remove();
      process.exit(code);
    },
    isCloud ? CLOUD_STOPS_WITHIN_MILLISECONDS : STOP_WITHIN_MILLISECONDS,
  );
  await stack.stop();
  clearTimeout(late);
}
