import type { Envelope } from "./envelope.ts";
import type { StageName } from "./pipeline.ts";

export type Outcome = "created" | "updated" | "unchanged";

/** Everything that is ever logged, in one place: dotted, in the past tense. */
export type LogEvent =
  | `${StageName}.${Outcome}`
  | "delivery.accepted"
  | "delivery.refused"
  | "delivery.not-queued"
  | "stage.retried"
  | "stage.dead-lettered"
  | "stage.not-dead-lettered"
  | "gitea.noticed"
  | "directory.noticed";

/** Named fields only, so that nothing secret gets in by accident: never a header, a body or an error object. */
export type LogFields = {
  delivery?: string;
  hub?: string;
  person?: string;
  stage?: string;
  route?: string;
  replay?: number;
  replayReason?: string | undefined;
  outcome?: string;
  code?: string;
  reason?: string;
  status?: number;
  attempt?: number;
  retryInSeconds?: number;
  milliseconds?: number;
  giteaRequests?: number;
  giteaWrites?: number;
  account?: string | undefined;
  repository?: string | undefined;
  commit?: string | undefined;
  mailConflict?: boolean | undefined;
  messageId?: string;
  failureId?: string;
  notices?: readonly string[];
  stack?: string | undefined;
};

export type LogLine = { time: string; level: Level; event: LogEvent } & LogFields;
type Level = "debug" | "info" | "warn" | "error";

const LOUD: Partial<Record<LogEvent, Level>> = {
  "delivery.refused": "warn",
  "delivery.not-queued": "error",
  "stage.retried": "warn",
  "stage.dead-lettered": "error",
  "stage.not-dead-lettered": "error",
  "gitea.noticed": "warn",
  "directory.noticed": "warn",
};

const RANK: Record<Level, number> = { debug: 0, info: 1, warn: 2, error: 3 };

let writeLine = (line: LogLine): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

/** Where lines go instead of stdout: the local stack listens to its functions this way. */
export function setLogWriter(write: (line: LogLine) => void): void {
  writeLine = write;
}

/** Whom and what a line is about. */
export function subjectOf({ delivery, route, replay }: Envelope): LogFields {
  return {
    delivery: delivery.id,
    hub: delivery.hub,
    person: delivery.user,
    route,
    ...(replay.number > 0 ? { replay: replay.number, replayReason: replay.reason } : {}),
  };
}

/** Writes one line as JSON; `LOG_LEVEL` (default `info`) drops what is less urgent. */
export function log(event: LogEvent, fields: LogFields): void {
  const level = LOUD[event] ?? "info";
  const threshold = process.env["LOG_LEVEL"];
  if (threshold !== undefined && Object.hasOwn(RANK, threshold) && RANK[level] < RANK[threshold as Level]) return;
  writeLine({ time: new Date().toISOString(), level, event, ...fields });
}
