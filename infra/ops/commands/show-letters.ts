import { EXIT } from "../exit-codes.ts";
import { filterLetters } from "../letters/filter-letters.ts";
import { inertJson } from "../output/inert.ts";
import { letterPage, letterRecord } from "../output/letter-views.ts";
import type { Verb } from "./context.ts";
import { lookAtLetters, nothingMatched, type ReadingOptions } from "./look-at-letters.ts";

/** `dead-letters show`: everything about the letters that match, the very message included. */
export const showLetters: Verb<ReadingOptions> = async (context, options, words) => {
  const { terminal } = context;
  const ids = [...(options.id ?? []), ...words];
  const asked = ids.length > 0 ? { ...options, id: ids } : options;
  const bodies = new Map<string, string>();
  const look = await lookAtLetters(context, asked, (letter, body, filter) => {
    if (filterLetters([letter], filter).length > 0) bodies.set(letter.id, body);
  });
  if (look.chosen.length === 0) return nothingMatched(context, look, asked);
  for (const [index, letter] of look.chosen.entries()) {
    const body = bodies.get(letter.id) ?? "";
    if (!terminal.isTable) terminal.data(inertJson({ ...letterRecord(letter), body }));
    else
      for (const line of [...(index > 0 ? ["", "—"] : []), ...letterPage(letter, body, look.target)])
        terminal.data(line);
  }
  return EXIT.done;
};
