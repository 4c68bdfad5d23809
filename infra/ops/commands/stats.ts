import { EXIT } from "../exit-codes.ts";
import { countLetters, type LetterCount } from "../letters/count-letters.ts";
import { filterLetters } from "../letters/filter-letters.ts";
import { warnOfReading } from "../letters/warn.ts";
import { parseFilter } from "../options.ts";
import { showRows } from "../output/rows.ts";
import type { Column } from "../output/table.ts";
import { ago } from "../output/times.ts";
import { holdingLetters, type Verb } from "./context.ts";
import { nothingMatched, type ReadingOptions, showWarnings } from "./list-letters.ts";

/** `dead-letters stats`: how many, by stage and reason. */
export const stats: Verb<ReadingOptions> = async (context, options) => {
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
  showRows(terminal, countLetters(chosen), columns(now));
  terminal.note(terminal.faint(`${chosen.length} of ${letters.length} letters on ${name}`));
  return EXIT.done;
};

const columns = (now: Date): Column<LetterCount>[] => [
  { title: "STAGE", text: ({ stage }) => stage },
  { title: "CODE", text: ({ code }) => code, isFlexible: true },
  { title: "CLASS", text: ({ class: kind }) => kind },
  { title: "LETTERS", text: ({ letters }) => String(letters), isNumber: true },
  { title: "PEOPLE", text: ({ people }) => String(people), isNumber: true },
  { title: "OLDEST", text: ({ oldest }) => ago(oldest, now) },
  { title: "NEWEST", text: ({ newest }) => ago(newest, now) },
];
