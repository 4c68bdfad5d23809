import type { Envelope } from "./envelope.ts";
import { type MetricFields, metricsOf } from "./metrics.ts";
import type { StageName } from "./pipeline.ts";

export type Outcome = "created" | "updated" | "unchanged";

/** Everything that is ever logged, in one place: dotted, in the past tense. */
export type LogEvent =
  | `${StageName}.${Outcome}`
  | "delivery.accepted"
  | "delivery.refused"
  | "delivery.not-queued"
  | "secrets.not-read"
  | "workspace.reported"
  | "workspace.refused"
  | "credentials.minted"
  | "credentials.refused"
  | "stage.retried"
  | "stage.dead-lettered"
  | "stage.not-dead-lettered"
  | "stage.left-to-sync"
  | "gitea.noticed"
  | "directory.noticed"
  | "departure.sent-on"
  | "departure.not-sent-on"
  | `sync.${SyncEvent}`;

/** Of the directory sync; each run ends with one of the first four. */
type SyncEvent =
  | "finished"
  | "planned"
  | "refused"
  | "incomplete"
  | "held-back"
  | "rebuilt"
  | "conflict-reported"
  | "noticed";

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
  /** From the door to the end of the route; of a replay nothing. */
  ageSeconds?: number;
  account?: string | undefined;
  repository?: string | undefined;
  commit?: string | undefined;
  mailConflict?: boolean | undefined;
  tokensRevoked?: number;
  messageId?: string;
  failureId?: string;
  notices?: readonly string[];
  /** Of the sync: how many of what. */
  counts?: Readonly<Record<string, number>>;
  dn?: string;
  /** What `hubforge sync --confirm` or `--rebind` takes. */
  hash?: string;
  stack?: string | undefined;
};

export type LogLine = { time: string; level: Level; event: LogEvent } & LogFields & Partial<MetricFields>;
type Level = (typeof LOG_LEVELS)[number];

const LOUD: Partial<Record<LogEvent, Level>> = {
  "delivery.refused": "warn",
  "delivery.not-queued": "error",
  "secrets.not-read": "error",
  "workspace.refused": "warn",
  "credentials.refused": "warn",
  "stage.retried": "warn",
  "stage.dead-lettered": "error",
  "stage.not-dead-lettered": "error",
  "stage.left-to-sync": "error",
  "gitea.noticed": "warn",
  "directory.noticed": "warn",
  "departure.not-sent-on": "warn",
  "sync.incomplete": "error",
  "sync.refused": "warn",
  "sync.held-back": "error",
  "sync.rebuilt": "error",
  "sync.conflict-reported": "warn",
  "sync.noticed": "warn",
};

/** From the least urgent to the most. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** Troubles that meet every event alike and that no retry cures: a person is needed now, not when the letters come. */
const NEEDS_A_PERSON = /^(settings\..+|.+\.unauthorized|stage\.unexpected)$/;

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

/**
 * Writes one line as JSON; `LOG_LEVEL` (default `info`) drops what is less urgent. Deployed functions have METRICS_NAMESPACE
 * (serverless.yml): there a line that counts says so, and what LOG_LEVEL leaves of it is the count.
 */
export function log(event: LogEvent, fields: LogFields): void {
  const level = NEEDS_A_PERSON.test(fields.code ?? "") ? "error" : (LOUD[event] ?? "info");
  const levels: readonly string[] = LOG_LEVELS;
  const isTold = levels.indexOf(level) >= levels.indexOf(process.env["LOG_LEVEL"] ?? "info");
  const namespace = process.env["METRICS_NAMESPACE"];
  const metrics = namespace ? metricsOf(event, fields, namespace) : undefined;
  if (!isTold && !metrics) return;
  writeLine({ time: new Date().toISOString(), level, event, ...(isTold && fields), ...metrics });
}
