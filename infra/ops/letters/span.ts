import type { Letter } from "./letter.ts";

/** When the first and the last of these failed, `first` being any of them. There may be more than a call takes arguments. */
export function spanOf(first: Letter, letters: readonly Letter[]): { oldest: string; newest: string } {
  let oldest = Date.parse(first.failedAt);
  let newest = oldest;
  for (const { failedAt } of letters) {
    const time = Date.parse(failedAt);
    oldest = Math.min(oldest, time);
    newest = Math.max(newest, time);
  }
  return { oldest: new Date(oldest).toISOString(), newest: new Date(newest).toISOString() };
}
