import { RouteName } from "#shared/envelope.ts";
import { nextStage, STAGES } from "#shared/pipeline.ts";
import type { LogLine } from "./log-line.ts";

/** The whole way of one delivery, as its log lines tell it. */
export type Journey = {
  delivery: string;
  person: string | undefined;
  hub: string | undefined;
  /** In order of time. */
  lines: LogLine[];
  state:
    | Done
    | { is: "dead-letter"; failureId: string | undefined; stage: string; code: string; reason: string }
    | { is: "waiting"; stage: string; code: string; reason: string; retryInSeconds: number | undefined }
    | { is: "left-to-sync"; stage: string; code: string; reason: string }
    | { is: "under-way"; next: string | undefined };
};

type Done = {
  is: "done";
  /** From the beginning of the last replay, or of the delivery where there was none. */
  seconds: number;
  /** Which replay did it, and the seconds from the delivery's beginning. */
  replayed?: { number: number; secondsInAll: number };
  giteaRequests: number;
  giteaWrites: number;
};

/** When a line's replay (or the delivery itself, replay 0) was begun, in milliseconds: each is told by its own clock. */
export function beginningOf({ replay = 0 }: LogLine, lines: readonly LogLine[]): number {
  const own = lines.filter((line) => (line.replay ?? 0) === replay);
  // A replay's first line is that of its first stage, which is logged at the end of it.
  const before = replay > 0 ? (own[0]?.milliseconds ?? 0) : 0;
  return startOf(own) - before;
}

/** The journey of the delivery whose first line is the latest among `lines`; undefined where there is none. */
export function latestJourney(lines: readonly LogLine[]): Journey | undefined {
  const deliveries = Map.groupBy(
    lines.filter(({ delivery }) => delivery !== undefined),
    ({ hub, delivery }) => JSON.stringify([hub, delivery]),
  );
  const latest = [...deliveries.values()]
    .map((some) => some.toSorted(byTime))
    .toSorted((one, other) => startOf(other) - startOf(one))[0];
  return latest && journeyOf(latest);
}

function journeyOf(lines: LogLine[]): Journey {
  const [first] = lines;
  return {
    delivery: first?.delivery ?? "",
    person: lines.find(({ person }) => person !== undefined)?.person,
    hub: lines.find(({ hub }) => hub !== undefined)?.hub,
    lines,
    state: stateOf(lines),
  };
}

/** What the last line that says something about progress means. */
function stateOf(lines: readonly LogLine[]): Journey["state"] {
  const last = lines.findLast((line) => line.stage !== undefined || line.event === "delivery.accepted");
  const { event, stage = "", code = "", reason = "" } = last ?? {};
  if (event === "stage.dead-lettered") return { is: "dead-letter", failureId: last?.failureId, stage, code, reason };
  if (event === "stage.left-to-sync") return { is: "left-to-sync", stage, code, reason };
  if (event === "stage.retried" || event === "stage.not-dead-lettered") {
    return { is: "waiting", stage, code, reason, retryInSeconds: last?.retryInSeconds };
  }
  const next = nextOf(last);
  if (next !== undefined || !last || event === "delivery.accepted") return { is: "under-way", next };
  return {
    is: "done",
    seconds: (startOf([last]) - beginningOf(last, lines)) / 1000,
    ...(last.replay && {
      replayed: { number: last.replay, secondsInAll: (startOf([last]) - startOf(lines)) / 1000 },
    }),
    giteaRequests: sum(lines.map(({ giteaRequests = 0 }) => giteaRequests)),
    giteaWrites: sum(lines.map(({ giteaWrites = 0 }) => giteaWrites)),
  };
}

function nextOf(line: LogLine | undefined): string | undefined {
  const route = RouteName.safeParse(line?.route).data;
  const stage = STAGES.find((name) => name === line?.stage);
  return route && stage && nextStage(route, stage);
}

function byTime(one: LogLine, other: LogLine): number {
  return Date.parse(one.time) - Date.parse(other.time);
}

function startOf(lines: readonly LogLine[]): number {
  return Math.min(...lines.map(({ time }) => Date.parse(time)));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
