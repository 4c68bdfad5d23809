import { EXIT } from "../exit-codes.ts";
import { inertJson } from "../output/inert.ts";
import { letterColumns, letterRecord } from "../output/letter-views.ts";
import { showTable } from "../output/rows.ts";
import type { Verb } from "./context.ts";
import { lookAtLetters, nothingMatched, type ReadingOptions } from "./look-at-letters.ts";

/** `dead-letters list`: one line per letter, oldest first. */
export const listLetters: Verb<ReadingOptions> = async (context, options) => {
  const { terminal, now } = context;
  const look = await lookAtLetters(context, options);
  const { chosen, letters, target } = look;
  if (chosen.length === 0) return nothingMatched(context, look, options);
  if (terminal.isTable) showTable(terminal, chosen, letterColumns(now));
  else for (const letter of chosen) terminal.data(inertJson(letterRecord(letter)));
  terminal.note(terminal.faint(`${chosen.length} of ${letters.length} letters on ${target.name}`));
  return EXIT.done;
};
