import type { Letter } from "../letters/letter.ts";
import type { Reading } from "../letters/read-letters.ts";

/** The letters as the latest reading found them; nothing is held for it. */
export type Snapshot = Pick<Reading, "letters" | "messages" | "missing" | "isWhole"> & {
  at: Date;
  /** The whole message of a letter; undefined where memory was too small for all of them. */
  bodyOf(letter: Letter): string | undefined;
};

/** What was carried out is there no longer. */
export function without(snapshot: Snapshot, gone: readonly Letter[]): Snapshot {
  const ids = new Set(gone.map(({ id }) => id));
  const copies = gone.reduce((sum, letter) => sum + letter.copies.length, 0);
  return {
    ...snapshot,
    letters: snapshot.letters.filter(({ id }) => !ids.has(id)),
    messages: snapshot.messages - copies,
  };
}
