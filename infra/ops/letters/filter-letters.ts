import { foldName } from "#shared/names.ts";
import type { Letter } from "./letter.ts";

/** The one filter language of every command and page. What is left out does not restrict. */
export type LetterFilter = {
  /** A person's name as typed at the hub, in the directory or at Gitea, in any case. */
  user?: string;
  stage?: string;
  /** Whole, or with `*` at its end: `gitea.*`. */
  code?: string;
  class?: string;
  /** By the time of the failure; both ends included. */
  since?: Date;
  until?: Date;
  /** Beginnings of letter ids, or whole delivery ids. */
  ids?: readonly string[];
  /** At most so many, the oldest. */
  limit?: number;
};

/** The letters that `filter` means, in the order given. */
export function filterLetters(letters: readonly Letter[], filter: LetterFilter): Letter[] {
  return letters.filter((letter) => isMeant(letter, filter)).slice(0, filter.limit ?? letters.length);
}

function isMeant(letter: Letter, { user, stage, code, class: kind, since, until, ids }: LetterFilter): boolean {
  const failedAt = Date.parse(letter.failedAt);
  return (
    (user === undefined || letter.names.some((name) => foldName(name) === foldName(user))) &&
    (stage === undefined || letter.stage === stage) &&
    (code === undefined || isCode(letter.code, code)) &&
    (kind === undefined || letter.class === kind) &&
    (since === undefined || failedAt >= since.getTime()) &&
    (until === undefined || failedAt <= until.getTime()) &&
    (ids === undefined || ids.some((id) => isCalled(letter, id)))
  );
}

/** The very id that a letter is listed by, too, while nobody has seen yet that it is another's as well. */
function isCalled({ id, failure, envelope }: Letter, wanted: string): boolean {
  // Where a forged id is another's with its hash, the other is listed with its hash twice.
  const bare = wanted.replace(new RegExp(`(?:-${failure})+$`), "");
  return `${id}-${failure}`.startsWith(wanted) || id.startsWith(bare) || envelope?.delivery.id === wanted;
}

function isCode(code: string, wanted: string): boolean {
  return wanted.endsWith("*") ? code.startsWith(wanted.slice(0, -1)) : code === wanted;
}
