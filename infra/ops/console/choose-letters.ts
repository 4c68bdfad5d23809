import { hash } from "node:crypto";
import { filterLetters, type LetterFilter } from "../letters/filter-letters.ts";
import type { Letter } from "../letters/letter.ts";

/** Which letters a page or a plan is about. */
export type Choice = {
  filter: LetterFilter;
  /** Words that a letter has to hold somewhere, in any case. */
  search?: string;
  /** Exactly the letters with these keys. */
  keys?: readonly string[];
};

/** The letters that are meant, in the order given; `limit` counts after the search. */
export function chooseLetters(letters: readonly Letter[], { filter, search = "", keys }: Choice): Letter[] {
  const { limit, ...rest } = filter;
  const words = search.toLowerCase().split(/\s+/);
  const exactly = keys && new Set(keys);
  return filterLetters(letters, rest)
    .filter((letter) => !exactly || exactly.has(keyOf(letter)))
    .filter((letter) => words.every((word) => textOf(letter).includes(word)))
    .slice(0, limit ?? letters.length);
}

function textOf({ id, names, stage, code, reason, request, envelope }: Letter): string {
  const { delivery } = envelope ?? {};
  return [id, ...names, stage, code, reason, request?.path, delivery?.id, delivery?.hub, delivery?.server]
    .join("\n")
    .toLowerCase();
}

/** A letter's id as an address and a form can carry it: some letters are strangers', and their ids may be anything. */
export function keyOf({ id }: Pick<Letter, "id">): string {
  return /^[\w-]{1,64}$/.test(id) ? id : `x-${hash("sha256", id).slice(0, 16)}`;
}
