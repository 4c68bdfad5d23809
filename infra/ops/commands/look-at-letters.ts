import { EXIT } from "../exit-codes.ts";
import { filterLetters, type LetterFilter } from "../letters/filter-letters.ts";
import type { Letter } from "../letters/letter.ts";
import type { ReadOptions } from "../letters/read-letters.ts";
import { type Warning, warnOfReading } from "../letters/warn.ts";
import { didYouMean } from "../nearest.ts";
import { type FilterOptions, parseFilter } from "../options.ts";
import { inert } from "../output/inert.ts";
import type { Terminal } from "../output/terminal.ts";
import type { Target } from "../target.ts";
import { parseHold } from "./act.ts";
import { type Context, holdingLetters } from "./context.ts";

export type ReadingOptions = FilterOptions & { hold?: string };

/** What there was to see: letters given back already. */
export type Look = {
  letters: readonly Letter[];
  /** Those that the filter means. */
  chosen: readonly Letter[];
  /** Counted on the queue and not seen. */
  missing: number;
  target: Target;
};

/** Reads everything, gives it back, warns of what could not be seen, and filters. */
export async function lookAtLetters(
  context: Context,
  options: ReadingOptions,
  onBody?: (letter: Letter, body: string, filter: LetterFilter) => void | Promise<void>,
): Promise<Look> {
  const filter = parseFilter(options, context.now);
  const read: Pick<ReadOptions, "onBody" | "holdSeconds"> = {
    ...parseHold(options),
    ...(onBody && { onBody: (letter, body) => onBody(letter, body, filter) }),
  };
  return await holdingLetters(context, read, async ({ reading, target }) => {
    showWarnings(context.terminal, warnOfReading(reading));
    const { letters, missing } = reading;
    return { letters, chosen: filterLetters(letters, filter), missing, target };
  });
}

export function showWarnings(terminal: Terminal, warnings: readonly Warning[]): void {
  for (const { text } of warnings) terminal.note(`${terminal.warning("warning:")} ${inert(text)}`);
}

/** Says why there is nothing, and which name or code was perhaps meant. */
export function nothingMatched(
  { terminal }: Context,
  { letters, missing, target: { name } }: Omit<Look, "chosen">,
  { user, code }: FilterOptions,
): typeof EXIT.nothingMatched {
  const names = letters.flatMap((letter) => letter.names);
  const codes = letters.map((letter) => letter.code);
  const hints =
    (user === undefined ? "" : didYouMean(user, names)) + (code === undefined ? "" : didYouMean(code, codes));
  const none = missing > 0 ? "no dead letters could be seen" : "there are no dead letters";
  const what = letters.length === 0 ? none : `none of ${letters.length} dead letters matches`;
  terminal.note(inert(`${what} on ${name}${hints}`));
  return EXIT.nothingMatched;
}
