import * as z from "zod";

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/** Of a cron expression's fields, in order; `special` is what a field may be beside lists, ranges and steps. */
const FIELDS = [
  { name: "minutes", low: 0, high: 59 },
  { name: "hours", low: 0, high: 23 },
  { name: "day of month", low: 1, high: 31, special: /^(\?|L|LW|([1-9]|[12]\d|3[01])W)$/ },
  { name: "month", low: 1, high: 12, words: MONTHS },
  {
    name: "day of week",
    low: 1,
    high: 7,
    words: DAYS,
    special: /^(\?|L|[1-7]L|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)#[1-5])$/,
  },
  { name: "year", low: 1970, high: 2199 },
];
type Field = { name: string; low: number; high: number; words?: string[]; special?: RegExp };

/** What serverless.yml takes as well where the stage's file says nothing. */
export const DEFAULT_SCHEDULE = "rate(5 minutes)";

const RATE = /^rate\(([1-9]\d*) (minute|hour)(s?)\)$/;

/** `rate(5 minutes)` in seconds; undefined for a cron expression. */
export function rateSeconds(schedule: string): number | undefined {
  const [, count, unit] = RATE.exec(schedule) ?? [];
  return count === undefined ? undefined : Number(count) * (unit === "hour" ? 3600 : 60);
}

/** What SQS can delay a message by at most (DelaySeconds). */
const MAXIMUM_DELAY_SECONDS = 900;

/** A leaver waits for one interval of the sync before the second look. */
export function departureDelaySeconds(schedule: string): number {
  return Math.min(rateSeconds(schedule) ?? MAXIMUM_DELAY_SECONDS, MAXIMUM_DELAY_SECONDS);
}

/**
 * EventBridge's `rate(…)` or `cron(…)`: what AWS would refuse is refused before anything is deployed.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
 */
export const schedule = z.string().superRefine((text, context) => {
  const message = whyNotSchedule(text);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

function whyNotSchedule(text: string): string | undefined {
  const [, fields] = /^cron\((.+)\)$/.exec(text) ?? [];
  if (fields !== undefined) return whyNotCron(fields.split(" "));
  const [, count, , plural] = RATE.exec(text) ?? [];
  if (count === undefined) return "must be rate(<number> minutes or hours), of 1 at least, or cron(<six fields>)";
  if ((count === "1") === (plural === "s")) return "AWS wants rate(1 minute) or rate(1 hour), and the plural from 2 on";
  return undefined;
}

function whyNotCron(fields: string[]): string | undefined {
  if (fields.length !== FIELDS.length) return `cron(…) has six fields, with one space between: ${namesOf()}`;
  const wrong = FIELDS.filter((field, place) => !isRight(fields[place] ?? "", field));
  if (wrong.length > 0) return `AWS cannot read this cron expression's ${wrong.map(({ name }) => name).join(", ")}`;
  if ((fields[2] === "?") === (fields[4] === "?"))
    return "AWS wants ? for day of month or for day of week, and not for both";
  return undefined;
}

const namesOf = () => FIELDS.map(({ name }) => name).join(", ");

function isRight(text: string, field: Field): boolean {
  if (field.special?.test(text)) return true;
  return text.split(",").every((item) => {
    const [range = "", step, ...more] = item.split("/");
    const isStep = step === undefined || /^[1-9]\d{0,3}$/.test(step);
    const ends = range.split("-");
    const isRange = range === "*" || (ends.length <= 2 && ends.every((end) => isValue(end, field)));
    return isRange && isStep && more.length === 0;
  });
}

function isValue(text: string, { low, high, words = [] }: Field): boolean {
  if (words.includes(text.toUpperCase())) return true;
  return /^\d{1,4}$/.test(text) && Number(text) >= low && Number(text) <= high;
}
