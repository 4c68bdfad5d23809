import { createInterface } from "node:readline/promises";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { LetterFilter } from "../letters/filter-letters.ts";
import { parseCount } from "../options.ts";
import { hintOf } from "../output/hint.ts";
import { inert } from "../output/inert.ts";
import type { Target } from "../target.ts";
import { UsageError } from "../usage-error.ts";
import type { Context } from "./context.ts";

export type ActOptions = { execute?: boolean; yes?: boolean; plan?: string; anyway?: boolean };

export type Intent = {
  context: Context;
  options: ActOptions;
  hash: string;
  /** What somebody types to go ahead, e.g. the count. */
  wanted: string;
  /** e.g. `replay 37` */
  deed: string;
  hasOtherReader: boolean;
  /** The command line that would do it. */
  command: string;
};

/**
 * Whether a plan that was shown is to be carried out. Without `--execute` it is not; with `--plan` only if the letters are
 * still those; then somebody types the count, or `--yes` stands for it.
 */
export async function actOn({ context, options, hash, wanted, deed, ...rest }: Intent): Promise<"go" | ExitCode> {
  const { terminal } = context;
  const isOther = options.plan !== undefined && options.plan !== hash;
  const other = `This is not plan ${inert(options.plan ?? "")} any more, or never was: it is plan ${hash}. `;
  if (!options.execute) {
    terminal.note(`${isOther ? other : ""}Nothing was done. To do it:\n  ${rest.command}`);
    return isOther ? EXIT.error : EXIT.done;
  }
  if (isOther) {
    terminal.note(`${other}Nothing was done.`);
    return EXIT.error;
  }
  if (rest.hasOtherReader && !options.anyway) {
    terminal.note(
      `Another reader may hold some of the letters, so this could put somebody's deliveries out of order. Try again when they are back, or add --anyway. Nothing was done.`,
    );
    return EXIT.error;
  }
  if (options.yes) return "go";
  if (!terminal.isInteractive) throw new UsageError("there is nobody to confirm: add --yes");
  const question = `Type ${inert(wanted)} to ${inert(deed)}: `;
  return (await isConfirmed(context, question, wanted)) ? "go" : declined(context);
}

/** SQS hides a message for twelve hours at most. */
export function parseHold({ hold }: { hold?: string }): { holdSeconds?: number } {
  return hold === undefined ? {} : { holdSeconds: parseCount("--hold", hold, 43_200) };
}

/** A wrong word is a no; so is the end of the input. */
async function isConfirmed({ terminal, signal }: Context, question: string, wanted: string): Promise<boolean> {
  const closing = new AbortController();
  const lines = createInterface({ input: terminal.stdin, output: terminal.stderr, terminal: terminal.isInteractive });
  // In a terminal readline takes Ctrl-C for itself.
  lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  lines.on("close", () => closing.abort());
  try {
    const answer = await lines.question(question, { signal: AbortSignal.any([signal, closing.signal]) });
    return answer.trim() === wanted;
  } catch {
    return false;
  } finally {
    lines.close();
  }
}

function declined({ terminal, signal }: Context): ExitCode {
  terminal.note("Nothing was done.");
  return signal.aborted ? EXIT.interrupted : EXIT.error;
}

/** The same command line with what it takes to carry out exactly this plan. */
export function howToExecute(target: Target, verb: string, { hash, ...line }: Line & { hash: string }): string {
  return executing(target, verb, { ...line, options: { ...line.options, yes: undefined } }, hash);
}

/** The command line that does what such a command has left: what is on the queue by then is another plan. */
export function howToFinish(target: Target, verb: string, line: Line): string {
  return executing(target, verb, line);
}

/** Minutes later `--since 2h` would mean other letters, and `--limit 5` five others. */
export function stillMeant({ since, until, limit }: LetterFilter, left: number) {
  return {
    ...(since && { since: since.toISOString() }),
    ...(until && { until: until.toISOString() }),
    ...(limit !== undefined && { limit: String(left) }),
  };
}

type Line = { options: object; words: readonly string[] };

function executing(target: Target, verb: string, { options, words }: Line, plan?: string): string {
  // `--no-ask` exists, `--ask` does not: commander sets it by itself.
  const isSaid = ([name, value]: [string, unknown]) =>
    !["execute", "plan"].includes(name) && !(name === "ask" && value);
  const asked = Object.fromEntries(Object.entries(options).filter(isSaid));
  return hintOf(target, verb, { words, options: { ...asked, execute: true, plan } });
}
