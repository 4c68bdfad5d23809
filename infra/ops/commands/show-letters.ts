import { EXIT } from "../exit-codes.ts";
import { filterLetters } from "../letters/filter-letters.ts";
import { warnOfReading } from "../letters/warn.ts";
import { parseFilter } from "../options.ts";
import { inertJson } from "../output/inert.ts";
import { letterPage, letterRecord } from "../output/letter-views.ts";
import { holdingLetters, type Verb } from "./context.ts";
import { nothingMatched, type ReadingOptions, showWarnings } from "./list-letters.ts";

/** `dead-letters show`: everything about the letters that match, the very message included. */
export const showLetters: Verb<ReadingOptions> = async (context, options, words) => {
  const { terminal, now } = context;
  const ids = [...(options.id ?? []), ...words];
  const asked = ids.length > 0 ? { ...options, id: ids } : options;
  const filter = parseFilter(asked, now);
  const bodies = new Map<string, string>();
  const read = {
    onBody: (letter: Parameters<typeof letterRecord>[0], body: string) => {
      if (filterLetters([letter], filter).length > 0) bodies.set(letter.id, body);
    },
  };
  const { letters, warnings, name } = await holdingLetters(context, read, async ({ reading, target }) => ({
    letters: reading.letters,
    warnings: warnOfReading(reading),
    name: target.name,
  }));
  const chosen = filterLetters(letters, filter);
  showWarnings(terminal, warnings);
  if (chosen.length === 0) return nothingMatched(context, letters, asked, name);
  for (const [index, letter] of chosen.entries()) {
    const body = bodies.get(letter.id) ?? "";
    if (!terminal.isTable) terminal.data(inertJson({ ...letterRecord(letter), body }));
    else for (const line of [...(index > 0 ? ["", "—"] : []), ...letterPage(letter, body)]) terminal.data(line);
  }
  return EXIT.done;
};
