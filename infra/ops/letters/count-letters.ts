import { foldName } from "#shared/names.ts";
import type { Letter } from "./letter.ts";
import { spanOf } from "./span.ts";

/** How many letters one stage wrote for one reason. */
export type LetterCount = {
  stage: string;
  code: string;
  class: Letter["class"];
  letters: number;
  people: number;
  oldest: string;
  newest: string;
};

/** Letters by stage and reason, the most frequent first. */
export function countLetters(letters: readonly Letter[]): LetterCount[] {
  const groups = Map.groupBy(letters, (letter) => JSON.stringify([letter.stage, letter.code, letter.class]));
  return [...groups.values()]
    .flatMap((some) => {
      const [first] = some;
      if (!first) return [];
      return {
        stage: first.stage,
        code: first.code,
        class: first.class,
        letters: some.length,
        people: new Set(some.flatMap(({ names }) => (names[0] === undefined ? [] : [foldName(names[0])]))).size,
        ...spanOf(first, some),
      };
    })
    .toSorted((one, other) => other.letters - one.letters);
}
