import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { type LogEvent, type LogFields, type LogLine, log, setLogWriter } from "#shared/log.ts";
import { alarmsFor, dashboardOf } from "../infra/deploy/alarms.ts";
import { StackSettings } from "../infra/deploy/stack-settings.ts";
import { spawnOf } from "./support/envelopes.ts";
import { done, type StageBench, startStageBench } from "./support/stage-bench.ts";

const NAMESPACE = "hubforge/test";

let lines: LogLine[];
beforeEach(() => {
  vi.stubEnv("METRICS_NAMESPACE", NAMESPACE);
  lines = [];
  setLogWriter((line) => lines.push(line));
});
afterEach(() => vi.unstubAllEnvs());

/** "Embedded metric format example and JSON schema" of the CloudWatch user guide, as far as it says more than "string". */
const Name = z.string().min(1).max(255);
const EmbeddedMetricFormat = z.looseObject({
  _aws: z.object({
    Timestamp: z.int(),
    CloudWatchMetrics: z.array(
      z.strictObject({
        Namespace: Name,
        Dimensions: z.array(z.array(Name).max(9)).min(1),
        Metrics: z.array(z.strictObject({ Name, Unit: z.enum(["Count", "Seconds"]) })).max(100),
      }),
    ),
  }),
});

/** What CloudWatch reads out of a line: name, dimensions with their values, value. */
function metricsIn(line: unknown): { name: string; dimensions: Record<string, string>; value: number }[] {
  const { _aws, ...fields } = EmbeddedMetricFormat.parse(JSON.parse(JSON.stringify(line)));
  return _aws.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) => {
    expect(Namespace).toBe(NAMESPACE);
    return Dimensions.flatMap((set) =>
      Metrics.map(({ Name: name }) => ({
        name,
        value: z.number().parse(fields[name]),
        dimensions: Object.fromEntries(set.map((key) => [key, Name.parse(fields[key])])),
      })),
    );
  });
}

const CASES: [LogEvent, LogFields, string[]][] = [
  ["delivery.accepted", { person: "ada" }, ["Accepted ingress accepted"]],
  ["delivery.refused", { code: "signature.wrong" }, ["Refused ingress signature.wrong"]],
  ["delivery.not-queued", { code: "queue.unreachable" }, ["NotQueued ingress queue.unreachable"]],
  ["account.created", { stage: "account", outcome: "created" }, ["Done account created"]],
  ["stage.retried", { stage: "team", code: "gitea.failing" }, ["Retried team gitea.failing"]],
  [
    "stage.retried",
    { stage: "team", code: "gitea.unauthorized" },
    ["Retried team gitea.unauthorized", "Unauthorized gitea.unauthorized"],
  ],
  [
    "stage.dead-lettered",
    { stage: "team", code: "team.taken", outcome: "permanent" },
    ["DeadLettered team team.taken"],
  ],
  ["stage.not-dead-lettered", { stage: "team", code: "team.taken" }, ["NotDeadLettered team team.taken"]],
  ["stage.left-to-sync", { stage: "team", code: "team.taken" }, ["LeftToSync"]],
  ["credentials.refused", { code: "ldap.unauthorized" }, ["Unauthorized ldap.unauthorized"]],
  ["sync.finished", { counts: {} }, ["SyncFinished"]],
  ["sync.incomplete", { code: "ldap.unreachable" }, ["SyncIncomplete ldap.unreachable"]],
  [
    "sync.incomplete",
    { code: "ldap.unauthorized" },
    ["SyncIncomplete ldap.unauthorized", "Unauthorized ldap.unauthorized"],
  ],
  ["sync.held-back", { hash: "abc" }, ["HeldBack"]],
];

describe("a line that counts", () => {
  it.each(CASES)("%s %o", (event, fields, expected) => {
    log(event, fields);
    const metrics = metricsIn(lines[0]);
    expect(metrics.map(({ name, dimensions }) => [name, ...Object.values(dimensions)].join(" "))).toEqual(expected);
    expect(metrics.map(({ value }) => value)).toEqual(expected.map(() => 1));
  });

  it("never has a person or a delivery for a dimension", () => {
    for (const [event, fields] of CASES) log(event, { ...fields, person: "ada", delivery: "d1" });
    const keys = lines.flatMap((line) => metricsIn(line).flatMap(({ dimensions }) => Object.keys(dimensions)));
    expect(new Set(keys)).toEqual(new Set(["stage", "code"]));
  });

  it("counts also when LOG_LEVEL leaves it out, and then says nothing more", () => {
    vi.stubEnv("LOG_LEVEL", "error");
    log("account.created", { stage: "account", outcome: "created", person: "ada" });
    expect(metricsIn(lines[0])).toMatchObject([{ name: "Done", dimensions: { stage: "account", code: "created" } }]);
    expect(lines[0]).not.toHaveProperty("person");
  });

  it("is as short as ever where nobody asked for metrics", () => {
    vi.stubEnv("METRICS_NAMESPACE", "");
    log("account.created", { stage: "account", outcome: "created" });
    expect(lines[0]).not.toHaveProperty("_aws");
  });
});

describe("a stage", () => {
  let bench: StageBench;
  beforeEach(async () => {
    bench = await startStageBench();
  });
  afterEach(() => bench.stop());

  it("tells how long the person has waited, at the end of the route and not before", async () => {
    const ensure = async () => ({ outcome: "created" as const });
    const receivedAt = new Date(Date.now() - 5_000).toISOString();
    for (const name of ["account", "templates"] as const) {
      const envelope = spawnOf("ada");
      const record = await bench.receive({ ...envelope, delivery: { ...envelope.delivery, receivedAt } });
      expect(await bench.handler({ name, ensure })(record)).toEqual(done);
    }
    const ages = bench.lines.map((line) => metricsIn(line).find(({ name }) => name === "AgeAtDone"));
    expect(ages).toMatchObject([undefined, { dimensions: { stage: "templates", code: "created" } }]);
    expect(ages[1]?.value).toBeGreaterThanOrEqual(5);
    expect(ages[1]?.value).toBeLessThan(60);
  });
});

describe("alarms and dashboard", () => {
  const stage = { stack: StackSettings.parse({}), settings: {} };
  const own = Object.values(alarmsFor(stage))
    .map(({ Properties }) => Properties)
    .filter(({ Namespace }) => Namespace.startsWith("hubforge/"));

  it("watch metrics that are logged under just that name and those dimensions", () => {
    for (const [event, fields] of CASES) log(event, fields);
    log("stage.retried", { stage: "identity", code: "ldap.unauthorized" });
    const logged = lines.flatMap(metricsIn).map(({ name, dimensions }) => JSON.stringify([name, dimensions]));
    expect(own).toHaveLength(5);
    for (const { MetricName, Dimensions } of own) {
      const dimensions = Object.fromEntries(Dimensions.map(({ Name: key, Value }) => [key, Value]));
      expect(logged).toContain(JSON.stringify([MetricName, dimensions]));
    }
  });

  it("show only metrics that are logged", () => {
    for (const [event, fields] of CASES) log(event, fields);
    const logged = new Set([...lines.flatMap(metricsIn).map(({ name }) => name), "AgeAtDone"]);
    const [body] = dashboardOf(alarmsFor(stage)).Properties.DashboardBody["Fn::Sub"];
    const searched = [...String(body).matchAll(/MetricName=\\"(\w+)\\"/g)].map(([, name = ""]) => name);
    expect(searched.length).toBeGreaterThan(4);
    for (const name of searched) expect(logged).toContain(name);
  });
});
