/**
 * The candidate that `word` most likely meant: it is its beginning, or at most 3 slips away and less than half of the word;
 * undefined if none is near.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: { candidate: string; slips: number } | undefined;
  for (const candidate of candidates) {
    const [typed, wanted] = [word.toLowerCase(), candidate.toLowerCase()];
    const slips = typed.length >= SHORTENED && wanted.startsWith(typed) ? 1 : slipsBetween(typed, wanted);
    if (slips <= 3 && slips * 2 < Math.max(word.length, candidate.length) && (!best || slips < best.slips)) {
      best = { candidate, slips };
    }
  }
  return best?.candidate;
}

/** Letters that are a beginning of one word rather than of any. */
const SHORTENED = 3;

/** `, did you mean "ada"?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const candidate = nearest(word, candidates);
  return candidate === undefined ? "" : ` (did you mean ${candidate}?)`;
}

/** Letters to add, leave out, change or swap (optimal string alignment). */
function slipsBetween(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > 3) return Number.POSITIVE_INFINITY;
  let twoBefore: number[] = [];
  let before = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped =
        row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      current[column] = Math.min(
        (before[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (before[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (twoBefore[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    twoBefore = before;
    before = current;
  }
  return before[other.length] ?? 0;
}
