import { styleText } from "node:util";
import type { LogLine } from "#shared/log.ts";

export type Screen = {
  /** One line of its own, above whatever is being updated. */
  say(text: string): void;
  /** Shows these stages as they pass; `show` takes each line of the log, `end` leaves the picture as it is. */
  stages(names: readonly string[]): { show(line: LogLine): void; end(): void };
  dim(text: string): string;
  bold(text: string): string;
};

const REDRAW_MILLISECONDS = 100;

/** Plain lines, each once; on a terminal the stages are one picture that is updated in place. */
export function createScreen(stream: NodeJS.WriteStream): Screen {
  const style = (format: "dim" | "bold") => (text: string) => styleText(format, text, { stream });
  const dim = style("dim");
  let redraw: (() => void) | undefined;
  let drawn = 0;
  const erase = () => {
    if (drawn > 0) stream.write(`\x1b[${drawn}A\x1b[0J`);
    drawn = 0;
  };
  const say = (text: string) => {
    erase();
    stream.write(`${text}\n`);
    redraw?.();
  };
  const picture = (names: readonly string[]) => {
    const startedAt = Date.now();
    const shown = new Map<string, string>();
    redraw = () => {
      erase();
      const running = names.find((name) => !shown.has(name));
      const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
      const lines = names.map((name) => shown.get(name) ?? pending(name, name === running ? seconds : "", dim));
      stream.write(`${lines.join("\n")}\n`);
      drawn = lines.length;
    };
    redraw();
    const timer = setInterval(redraw, REDRAW_MILLISECONDS);
    return {
      show: (line: LogLine) => {
        const text = stageText(line);
        // A line that wraps would count as one and be drawn as two.
        if (text && line.stage) shown.set(line.stage, text.slice(0, (stream.columns || 80) - 1));
        redraw?.();
      },
      end: () => {
        clearInterval(timer);
        redraw?.();
        redraw = undefined;
        drawn = 0;
      },
    };
  };
  const plain = () => ({
    show: (line: LogLine) => {
      const text = stageText(line);
      if (text) say(text);
    },
    end: () => undefined,
  });
  return { say, stages: stream.isTTY ? picture : plain, dim, bold: style("bold") };
}

function pending(name: string, seconds: string, dim: Screen["dim"]): string {
  return dim(`  · ${name.padEnd(12)}${seconds === "" ? "" : ` ${seconds} s`}`);
}

/** One line of the log for people; undefined where it tells nothing about a stage. */
export function stageText(line: LogLine): string | undefined {
  if (line.stage === undefined) return undefined;
  const stage = line.stage.padEnd(12);
  const why = `${line.code}: ${line.reason}`;
  if (line.event === "stage.retried") return `  ↻ ${stage} again in ${line.retryInSeconds ?? "?"} s: ${why}`;
  if (line.event === "stage.dead-lettered") return `  ✘ ${stage} dead letter: ${why} (delivery ${line.delivery})`;
  if (line.event === "stage.not-dead-lettered") return `  ✘ ${stage} could not even become a dead letter: ${why}`;
  if (line.event === "stage.left-to-sync") return `  ✘ ${stage} left to the next sync: ${why}`;
  if (line.outcome === undefined) return undefined;
  return `  ✔ ${stage} ${line.outcome.padEnd(10)} ${`${line.milliseconds ?? 0} ms`.padStart(8)}`;
}
