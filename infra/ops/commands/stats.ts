import { EXIT } from "../exit-codes.ts";
import { countLetters, type LetterCount } from "../letters/count-letters.ts";
import { showRows } from "../output/rows.ts";
import type { Column } from "../output/table.ts";
import { ago } from "../output/times.ts";
import type { Verb } from "./context.ts";
import { lookAtLetters, nothingMatched, type ReadingOptions } from "./look-at-letters.ts";

/** `dead-letters stats`: how many, by stage and reason. */
export const stats: Verb<ReadingOptions> = async (context, options) => {
  const { terminal, now } = context;
  const look = await lookAtLetters(context, options);
  const { chosen, letters, target } = look;
  if (chosen.length === 0) return nothingMatched(context, look, options);
  showRows(terminal, countLetters(chosen), columns(now));
  terminal.note(terminal.faint(`${chosen.length} of ${letters.length} letters on ${target.name}`));
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
