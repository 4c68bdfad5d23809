import { Failure } from "#shared/envelope.ts";
import { DEPARTURES, STAGES } from "#shared/pipeline.ts";
import type { LetterFilter } from "./letters/filter-letters.ts";
import { didYouMean } from "./nearest.ts";
import { UsageError } from "./usage-error.ts";

const SECONDS = { s: 1, m: 60, min: 60, h: 3_600, d: 86_400, w: 604_800 } as const;

/**
 * A point in time: a period before now (`90s`, `15m`, `2h`, `3d`, `1w`), a date or an ISO 8601 time. Without a zone it is
 * UTC, as everything hubforge writes. A date alone is its first moment, or for `until` its last.
 */
export function parseTime(text: string, now: Date, isEnd = false): Date {
  const [, count, unit] = /^(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)(?: ago)?$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) {
    const before = new Date(now.getTime() - Number(count) * SECONDS[unit as keyof typeof SECONDS] * 1000);
    if (Number.isNaN(before.getTime())) throw new UsageError(`"${text}" is longer ago than time is counted`);
    return before;
  }
  const [, date, clock, zone] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:?\d{2})?)?$/.exec(text) ?? [];
  const time = new Date(`${date}T${clock ?? (isEnd ? "23:59:59.999" : "00:00:00")}${zone ?? "Z"}`);
  // 31 February would silently become 3 March.
  const isReal = date !== undefined && new Date(`${date}T00:00:00Z`).toJSON()?.startsWith(date);
  if (!isReal || Number.isNaN(time.getTime())) {
    throw new UsageError(`"${text}" is no time: say a period (15m, 2h, 3d), a date (2026-11-24) or an ISO time`);
  }
  return time;
}

/** Deliveries a second, from `5`, `5/s`, `300/m` or `0.5`. */
export function parseRate(text: string): number {
  const [, count, unit = "s"] = /^(\d+(?:\.\d+)?)(?:\/(s|m|h))?$/.exec(text) ?? [];
  const rate = Number(count) / SECONDS[unit as "s" | "m" | "h"];
  if (!(rate > 0 && rate <= 1000)) throw new UsageError(`--rate "${text}": say how many a second, e.g. 5/s or 30/m`);
  return rate;
}

export function parseCount(name: string, text: string, maximum: number): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > maximum) {
    throw new UsageError(`${name} "${text}" must be a whole number from 1 to ${maximum}`);
  }
  return count;
}

/** A day: nobody waits longer for a run, and a timer of Node's ends after 24 of them. */
const LONGEST_MINUTES = 24 * 60;

export function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (!(minutes > 0 && minutes <= LONGEST_MINUTES)) {
    throw new UsageError(`--within "${text}": say how many minutes, ${LONGEST_MINUTES} at most`);
  }
  return minutes;
}

/** As commander hands them over. */
export type FilterOptions = {
  user?: string;
  stage?: string;
  code?: string;
  class?: string;
  since?: string;
  until?: string;
  id?: string[];
  limit?: string;
};

/** Words of `--class` and `--stage`. */
export const LETTER_CLASSES = [...Failure.shape.class.options, "unknown"];
export const LETTER_STAGES = [...STAGES, DEPARTURES, "unknown"];

/** @throws UsageError that names the nearest valid word, or the option that is empty */
export function parseFilter(options: FilterOptions, now: Date): LetterFilter {
  requireValues(options);
  const { user, stage, code, class: kind, since, until, id: ids, limit } = options;
  if (stage !== undefined) requireWord("--stage", stage, LETTER_STAGES);
  if (kind !== undefined) requireWord("--class", kind, LETTER_CLASSES);
  const filter = {
    ...(user !== undefined && { user }),
    ...(stage !== undefined && { stage }),
    ...(code !== undefined && { code }),
    ...(kind !== undefined && { class: kind }),
    ...(since !== undefined && { since: parseTime(since, now) }),
    ...(until !== undefined && { until: parseTime(until, now, true) }),
    ...(ids !== undefined && { ids }),
    ...(limit !== undefined && { limit: parseCount("--limit", limit, 1_000_000) }),
  };
  if (filter.since && filter.until && filter.since > filter.until) {
    throw new UsageError("--since lies after --until: nothing could match");
  }
  return filter;
}

/** `--id "$ID"` with ID unset: the beginning of every id, so it would be all letters. */
function requireValues(options: FilterOptions): void {
  const names = ["user", "stage", "code", "class", "since", "until", "id", "limit"] as const;
  for (const name of names) {
    const isEmpty = [options[name] ?? []].flat().some((value) => value.trim() === "");
    if (isEmpty) throw new UsageError(`--${name} is empty: say which, or leave it out`);
  }
}

export function requireWord(option: string, word: string, words: readonly string[]): void {
  if (words.includes(word)) return;
  throw new UsageError(`${option} "${word}" is none of ${words.join(", ")}${didYouMean(word, words)}`);
}
