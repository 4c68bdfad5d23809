import type { LogEvent, LogFields } from "./log.ts";

/**
 * Metrics as CloudWatch makes them of log lines ("embedded metric format"): the line says which of its fields are a metric and
 * which its dimensions. Dimensions are stage and code alone: whatever names a person would be a metric for each of them.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export type MetricFields = {
  _aws: { Timestamp: number; CloudWatchMetrics: Directive[] };
  stage?: string;
  code?: string;
  [metric: string]: unknown;
};
type Directive = { Namespace: string; Dimensions: string[][]; Metrics: { Name: string; Unit: Unit }[] };
type Unit = "Count" | "Seconds";
type Dimension = "stage" | "code";
type Metric = { name: string; unit: Unit; value: number; by: Dimension[] };

const SYNC = "directory-sync";
/** CloudWatch takes no empty dimension. */
const UNNAMED = "none";
const EVERY: Dimension[] = ["stage", "code"];

/** What is counted of events that are no stage's outcome; stage and code stand in where the line has none. */
type Counting = { name: string; by: Dimension[]; stage?: string; code?: string };
export const COUNTED: Partial<Record<LogEvent, Counting>> = {
  "delivery.accepted": { name: "Accepted", by: EVERY, stage: "ingress", code: "accepted" },
  "delivery.refused": { name: "Refused", by: EVERY, stage: "ingress" },
  "delivery.not-queued": { name: "NotQueued", by: EVERY, stage: "ingress" },
  "stage.retried": { name: "Retried", by: EVERY },
  "stage.dead-lettered": { name: "DeadLettered", by: EVERY },
  "stage.not-dead-lettered": { name: "NotDeadLettered", by: EVERY },
  "stage.left-to-sync": { name: "LeftToSync", by: [] },
  "sync.finished": { name: "SyncFinished", by: [], stage: SYNC, code: "finished" },
  "sync.incomplete": { name: "SyncIncomplete", by: ["code"], stage: SYNC },
  "sync.held-back": { name: "HeldBack", by: [], stage: SYNC, code: "held-back" },
};

/**
 * What a line adds to itself so that it counts; undefined where nothing is counted.
 * @param namespace e.g. `hubforge/prod`
 */
export function metricsOf(event: LogEvent, fields: LogFields, namespace: string): MetricFields | undefined {
  const { counted, ...standIns } = countingOf(event, fields);
  const { ageSeconds, stage = standIns.stage, code = standIns.code } = fields;
  const metrics: Metric[] = counted ? [count(counted.name, counted.by)] : [];
  if (code.endsWith(".unauthorized")) metrics.push(count("Unauthorized", ["code"]));
  if (ageSeconds !== undefined) metrics.push({ name: "AgeAtDone", unit: "Seconds", value: ageSeconds, by: EVERY });
  if (metrics.length === 0) return undefined;
  const directives = metrics.map(({ name, unit, by }) => ({
    Namespace: namespace,
    Dimensions: [by],
    Metrics: [{ Name: name, Unit: unit }],
  }));
  // A line that is not counted by its stage gets none: for who reads the log, only stages have one.
  const dimensions = { stage, code };
  return {
    _aws: { Timestamp: Date.now(), CloudWatchMetrics: directives },
    ...Object.fromEntries(metrics.flatMap(({ by }) => by.map((name) => [name, dimensions[name]]))),
    ...Object.fromEntries(metrics.map(({ name, value }) => [name, value])),
  };
}

/** What an event counts as, and what stands in for the stage and the code that its line has not. */
function countingOf(event: string, { stage, outcome }: Pick<Counted, "stage" | "outcome">) {
  const counted = new Map<string, Counting>(Object.entries(COUNTED)).get(event);
  if (outcome !== undefined && event === `${stage}.${outcome}`) {
    return { counted: { name: "Done", by: EVERY }, stage: UNNAMED, code: outcome };
  }
  return { counted, stage: counted?.stage ?? UNNAMED, code: counted?.code ?? UNNAMED };
}

type Counted = {
  event: string;
  stage?: string | undefined;
  outcome?: string | undefined;
  _aws?: { CloudWatchMetrics: readonly { Metrics: readonly { Name: string }[] }[] } | undefined;
};

/** A line as it was before it counted: without metrics, and without a stage and a code that only they needed. */
export function withoutMetrics({ _aws, ...line }: Counted): object {
  if (!_aws) return line;
  const metrics = _aws.CloudWatchMetrics.flatMap(({ Metrics }) => Metrics.map(({ Name }) => Name));
  const { stage, code } = countingOf(line.event, line);
  const isAdded = (name: string, value: unknown) =>
    metrics.includes(name) || (name === "stage" && value === stage) || (name === "code" && value === code);
  return Object.fromEntries(Object.entries(line).filter(([name, value]) => !isAdded(name, value)));
}

function count(name: string, by: Dimension[]): Metric {
  return { name, unit: "Count", value: 1, by };
}
