import type { Terminal } from "./terminal.ts";

export type Progress = { show(done: number, total: number): void; end(): void };

const FIRST_AFTER_MILLISECONDS = 500;
const EVERY_MILLISECONDS = 100;
const BAR = 30;

/** A bar on stderr for what takes longer than half a second; nothing where stderr is no terminal. */
export function createProgress({ isLive, stderr }: Terminal, title: string): Progress {
  const startedAt = performance.now();
  let shownAt = startedAt + FIRST_AFTER_MILLISECONDS - EVERY_MILLISECONDS;
  let isShown = false;
  return {
    show: (done, total) => {
      const now = performance.now();
      if (!isLive || now - shownAt < EVERY_MILLISECONDS) return;
      shownAt = now;
      isShown = true;
      stderr.write(`\r${barOf(title, done, total, (now - startedAt) / 1000)}\x1b[K`);
    },
    end: () => {
      if (isShown) stderr.write("\r\x1b[K");
      isShown = false;
    },
  };
}

function barOf(title: string, done: number, total: number, seconds: number): string {
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const filled = Math.round(share * BAR);
  const left = share > 0 ? Math.ceil((seconds / share) * (1 - share)) : undefined;
  const rest = left === undefined || done >= total ? "" : `, ${left} s left`;
  return `${title} [${"#".repeat(filled)}${"-".repeat(BAR - filled)}] ${done} of ${total}${rest}`;
}
