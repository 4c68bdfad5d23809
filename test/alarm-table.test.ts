import { describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { type LogLine, log, setLogWriter } from "#shared/log.ts";
import { CRASHED, DEAD_LETTERS, DEPARTURES, STAGES } from "#shared/pipeline.ts";
import { RETRY_FOR_MINUTES_MAXIMUM } from "#shared/retries.ts";
import { alarmsFor } from "../infra/deploy/alarms.ts";
import { StackSettings } from "../infra/deploy/stack-settings.ts";
import { readFunctions } from "../infra/local/functions.ts";
import { readQueues } from "../infra/local/resources.ts";
import { readTemplate } from "../infra/template.ts";
import { COUNTED_LINES } from "./support/counted-lines.ts";
import { metricsIn } from "./support/emf.ts";

const PLACE = { stage: "prod", region: "eu-central-1" };
const MINUTE = 60;
const DAY = 86_400;
/** As alarms.yml leaves them for osls. */
const STAGE = `\${sls:stage}`;

const Service = z.object({
  service: z.string(),
  provider: z.object({ environment: z.object({ METRICS_NAMESPACE: z.string() }) }),
});
const { service, provider } = Service.parse(readTemplate("serverless.yml", PLACE));
const queues = readQueues(PLACE);
const functions = readFunctions(PLACE);

const queueOf = (name: string) => {
  const found = queues.find(({ queue }) => queue === name);
  if (!found) throw new Error(`infra/queues.yml has no queue ${name}`);
  return found;
};
/** The name of the one function that is woken by a queue, or answers at a route. */
const wokenBy = (queue: string) =>
  functions.find(({ sources }) => sources.some(({ queueLogicalId }) => queueLogicalId === queueOf(queue).logicalId));
const answering = (route: string) => functions.find(({ routes }) => routes.includes(route));

type Row = {
  metric: string;
  dimensions: Record<string, unknown>;
  statistic: string;
  operator: string;
  threshold: number;
  period: number;
  evaluations: number;
  datapoints?: number;
  missing?: string;
};

const MORE = { statistic: "Sum", operator: "GreaterThanThreshold", threshold: 0, period: 5 * MINUTE, evaluations: 1 };
const onQueue = (name: string) => ({ QueueName: { "Fn::GetAtt": [queueOf(name).logicalId, "QueueName"] } });
const ofFunction = (found: { name: string } | undefined) => ({ FunctionName: `${service}-${STAGE}-${found?.name}` });

/** A message may wait for as long as it is tried again, behind another that does so, and SQS tells ages late. */
const OLD = { statistic: "Maximum", threshold: (RETRY_FOR_MINUTES_MAXIMUM + 5) * MINUTE, evaluations: 3 };
const old = (name: string): Row => ({
  ...MORE,
  metric: "AWS/SQS ApproximateAgeOfOldestMessage",
  dimensions: onQueue(name),
  ...OLD,
});
/** A state that a run of the sync tells: one of three intervals is enough. */
const OF_THE_SYNC = { ...MORE, dimensions: {}, evaluations: 3, datapoints: 1 };
const refused = (code: string): Row => ({ ...MORE, metric: "own Unauthorized", dimensions: { code } });

/**
 * Names of AWS: docs.aws.amazon.com, "Available CloudWatch metrics for Amazon SQS", "Types of metrics for Lambda functions",
 * "Monitoring Lambda function URLs", "CloudWatch metrics for HTTP APIs".
 */
const TABLE: Record<string, Row> = {
  "dead-letters": {
    ...MORE,
    metric: "AWS/SQS ApproximateNumberOfMessagesVisible",
    dimensions: onQueue(DEAD_LETTERS),
    statistic: "Maximum",
  },
  "dead-letter-old": { ...old(DEAD_LETTERS), threshold: 10 * DAY, evaluations: 1 },
  ...Object.fromEntries([...STAGES, DEPARTURES, CRASHED].map((name) => [`${name}-old`, old(name)])),
  crashed: { ...MORE, metric: "AWS/Lambda Invocations", dimensions: ofFunction(wokenBy(CRASHED)) },
  "gitea-unauthorized": refused("gitea.unauthorized"),
  "ldap-unauthorized": refused("ldap.unauthorized"),
  "sync-held-back": { ...OF_THE_SYNC, metric: "own HeldBack" },
  "left-to-sync": { ...OF_THE_SYNC, metric: "own LeftToSync" },
  "sync-silent": {
    ...MORE,
    metric: "own SyncFinished",
    dimensions: {},
    evaluations: 3,
    operator: "LessThanThreshold",
    threshold: 1,
    missing: "breaching",
  },
};
const DOORS: Record<StackSettings["STACK_HTTP"], Row> = {
  api: { ...MORE, metric: "AWS/ApiGateway 5xx", dimensions: { ApiId: { Ref: "HttpApi" } } },
  "function-urls": {
    ...MORE,
    metric: "AWS/Lambda Url5xxCount",
    dimensions: ofFunction(answering("POST /v1/events")),
  },
};

const Properties = z.strictObject({
  AlarmName: z.string(),
  AlarmDescription: z.string().min(20),
  Namespace: z.string(),
  MetricName: z.string(),
  Dimensions: z.array(z.strictObject({ Name: z.string(), Value: z.unknown() })),
  Statistic: z.string(),
  Period: z.int(),
  EvaluationPeriods: z.int(),
  DatapointsToAlarm: z.int().optional(),
  ComparisonOperator: z.string(),
  Threshold: z.number(),
  TreatMissingData: z.string(),
});

function rowOf(alarm: z.infer<typeof Properties>): Row {
  const { Namespace, DatapointsToAlarm: datapoints, TreatMissingData: missing } = alarm;
  const namespace = Namespace === provider.environment.METRICS_NAMESPACE.replace("prod", STAGE) ? "own" : Namespace;
  return {
    metric: `${namespace} ${alarm.MetricName}`,
    dimensions: Object.fromEntries(alarm.Dimensions.map(({ Name: name, Value }) => [name, Value])),
    statistic: alarm.Statistic,
    operator: alarm.ComparisonOperator,
    threshold: alarm.Threshold,
    period: alarm.Period,
    evaluations: alarm.EvaluationPeriods,
    ...(datapoints !== undefined && { datapoints }),
    ...(missing !== "notBreaching" && { missing }),
  };
}

describe.each(Object.entries(DOORS))("the alarms of a stage with %s", (STACK_HTTP, door) => {
  const stage = { stack: StackSettings.parse({ STACK_HTTP }), settings: { SYNC_SCHEDULE: "rate(5 minutes)" } };
  const alarms = Object.values(alarmsFor(stage)).map((alarm) => Properties.parse(alarm.Properties));
  const table: Record<string, Row> = { ...TABLE, "ingress-5xx": door };

  it("are just these, with these metrics, dimensions, thresholds and times", () => {
    const found = alarms.map((alarm) => [alarm.AlarmName.replace(`${service}-${STAGE}-`, ""), rowOf(alarm)]);
    expect(Object.fromEntries(found)).toEqual(table);
  });
});

describe("the table of alarms", () => {
  it("watches every queue for old messages, and the dead letters while there is time left", () => {
    const watched = Object.keys(TABLE).filter((name) => name.endsWith("-old"));
    const letters = "dead-letter-old";
    const expected = queues.map(({ queue }) => (queue === DEAD_LETTERS ? letters : `${queue}-old`));
    expect(watched.toSorted()).toEqual(expected.toSorted());
    const kept = Number(queueOf(DEAD_LETTERS).attributes["MessageRetentionPeriod"]);
    expect(TABLE[letters]?.threshold).toBeLessThanOrEqual(kept - 4 * DAY);
  });

  it("names functions that there are", () => {
    expect([wokenBy(CRASHED)?.name, answering("POST /v1/events")?.name]).toEqual(["dead-letter", "ingress"]);
  });

  it("names metrics of hubforge's own that are really logged, with just those dimensions", () => {
    vi.stubEnv("METRICS_NAMESPACE", "hubforge/test");
    const lines: LogLine[] = [];
    setLogWriter((line) => lines.push(line));
    for (const [event, fields] of COUNTED_LINES) log(event, fields);
    vi.unstubAllEnvs();
    const logged = lines.flatMap(metricsIn).map(({ name, dimensions }) => ({ metric: `own ${name}`, dimensions }));
    for (const { metric, dimensions } of Object.values(TABLE)) {
      if (metric.startsWith("own ")) expect(logged).toContainEqual({ metric, dimensions });
    }
  });
});
