import { type Letter, oldestFirst } from "./letter.ts";

/** Kept at most, all whole messages together. */
const KEPT_BYTES = 64 * 2 ** 20;
/** Room is made for several at once: not every message sorts all others. */
const ROOM_IS_MADE_TO = 0.9;

type Kept = { letter: Pick<Letter, "failedAt" | "id">; bytes: number; body: string };

/** Collects whole messages while they are read: as many as memory is meant for, and of those the first of every list. */
export function createBodies(mostBytes = KEPT_BYTES) {
  const bodies = new Map<string, Kept>();
  let total = 0;
  /** From this one on there was no room. */
  let end: Kept["letter"] | undefined;
  const makeRoom = () => {
    for (const [messageId, kept] of [...bodies].toSorted(([, one], [, other]) =>
      oldestFirst(other.letter, one.letter),
    )) {
      if (total <= mostBytes * ROOM_IS_MADE_TO) return;
      bodies.delete(messageId);
      total -= kept.bytes;
      end = kept.letter;
    }
  };
  return {
    add: ({ copies: [messageId = ""], failedAt, id, bodyBytes: bytes }: Letter, body: string): void => {
      if (end && oldestFirst({ failedAt, id }, end) > 0) return;
      bodies.set(messageId, { letter: { failedAt, id }, bytes, body });
      total += bytes;
      if (total > mostBytes) makeRoom();
    },
    /** Of copies the one that failed last, as the letter itself tells of that; undefined where there was no room for it. */
    of: ({ copies }: Pick<Letter, "copies">): string | undefined => {
      const kept = copies.flatMap((messageId) => bodies.get(messageId) ?? []);
      return kept.toSorted((one, other) => oldestFirst(other.letter, one.letter))[0]?.body;
    },
  };
}
