import { EXIT } from "../exit-codes.ts";
import { filterLetters } from "../letters/filter-letters.ts";
import type { Letter } from "../letters/letter.ts";
import { type Warning, warnOfReading } from "../letters/warn.ts";
import { didYouMean } from "../nearest.ts";
import { type FilterOptions, parseFilter } from "../options.ts";
import { inert, inertJson } from "../output/inert.ts";
import { letterColumns, letterRecord } from "../output/letter-views.ts";
import { showTable } from "../output/rows.ts";
import type { Terminal } from "../output/terminal.ts";
import { type Context, holdingLetters, type Verb } from "./context.ts";

export type ReadingOptions = FilterOptions & { hold?: string };

/** `dead-letters list`: reads everything, gives it back, then shows what matches. */
export const listLetters: Verb<ReadingOptions> = async (context, options) => {
  const { terminal, now } = context;
  const filter = parseFilter(options, now);
  const { letters, warnings, name } = await holdingLetters(context, {}, async ({ reading, target }) => ({
    letters: reading.letters,
    warnings: warnOfReading(reading),
    name: target.name,
  }));
  const chosen = filterLetters(letters, filter);
  showWarnings(terminal, warnings);
  if (chosen.length === 0) return nothingMatched(context, letters, options, name);
  if (terminal.isTable) showTable(terminal, chosen, letterColumns(now));
  else for (const letter of chosen) terminal.data(inertJson(letterRecord(letter)));
  terminal.note(terminal.faint(`${chosen.length} of ${letters.length} letters on ${name}`));
  return EXIT.done;
};

export function showWarnings(terminal: Terminal, warnings: readonly Warning[]): void {
  for (const { text } of warnings) terminal.note(`${terminal.warning("warning:")} ${inert(text)}`);
}

/** Says why there is nothing, and which name or code was perhaps meant. */
export function nothingMatched(
  { terminal }: Context,
  letters: readonly Letter[],
  { user, code }: FilterOptions,
  name: string,
): typeof EXIT.nothingMatched {
  const names = letters.flatMap((letter) => letter.names);
  const codes = letters.map((letter) => letter.code);
  const hints =
    (user === undefined ? "" : didYouMean(user, names)) + (code === undefined ? "" : didYouMean(code, codes));
  const what = letters.length === 0 ? "there are no dead letters" : `none of ${letters.length} dead letters matches`;
  terminal.note(inert(`${what} on ${name}${hints}`));
  return EXIT.nothingMatched;
}
