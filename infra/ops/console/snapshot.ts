import type { Letter } from "../letters/letter.ts";
import type { Reading } from "../letters/read-letters.ts";

/** The letters as the latest reading found them; nothing is held for it. */
export type Snapshot = Pick<Reading, "letters" | "messages" | "missing" | "isWhole"> & {
  at: Date;
  /** The whole message of a letter; undefined where memory was too small for all of them. */
  bodyOf(id: string): string | undefined;
};

/** Kept at most, all whole messages together; beyond it the command shows them. */
const BODIES_KEPT_BYTES = 64 * 2 ** 20;

/** Collects whole messages while they are read. */
export function createBodies() {
  const bodies = new Map<string, string>();
  let bytes = 0;
  return {
    add: ({ id, bodyBytes }: Letter, body: string) => {
      bytes += bodyBytes;
      if (bytes <= BODIES_KEPT_BYTES) bodies.set(id, body);
    },
    of: (id: string) => bodies.get(id),
  };
}

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
