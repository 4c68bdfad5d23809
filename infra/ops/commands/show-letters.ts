import { EXIT } from "../exit-codes.ts";
import { createBodies } from "../letters/bodies.ts";
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
  const bodies = createBodies();
  const look = await lookAtLetters(context, asked, (letter, body, filter) => {
    if (filterLetters([letter], filter).length > 0) bodies.add(letter, body);
  });
  if (look.chosen.length === 0) return nothingMatched(context, look, asked);
  for (const [index, letter] of look.chosen.entries()) {
    const body = bodies.of(letter);
    if (!terminal.isTable) terminal.data(inertJson({ ...letterRecord(letter), body: body ?? null }));
    else
      for (const line of [...(index > 0 ? ["", "—"] : []), ...letterPage(letter, body, look.target)])
        terminal.data(line);
  }
  const left = look.chosen.filter((letter) => bodies.of(letter) === undefined).length;
  if (left > 0) terminal.note(`${terminal.warning("warning:")} ${notKept(left)}`);
  return EXIT.done;
};

function notKept(letters: number): string {
  const what = letters === 1 ? "1 message was" : `${letters} messages were`;
  return `${what} more than memory is meant for: name fewer with a filter, or export them`;
}
