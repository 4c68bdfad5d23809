import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type LogLine, log, setLogWriter } from "#shared/log.ts";
import { COUNTED } from "#shared/metrics.ts";
import { parseLogLine } from "../infra/ops/trace/log-line.ts";
import { COUNTED_LINES } from "./support/counted-lines.ts";
import { metricsIn } from "./support/emf.ts";
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

describe("a line that counts", () => {
  it.each(COUNTED_LINES)("%s %o", (event, fields, expected) => {
    log(event, fields);
    const metrics = metricsIn(lines[0]);
    expect(metrics.map(({ name, dimensions }) => [name, ...Object.values(dimensions)].join(" "))).toEqual(expected);
    expect(metrics.map(({ namespace, value }) => [namespace, value])).toEqual(expected.map(() => [NAMESPACE, 1]));
  });

  it.each(Object.entries(COUNTED))(
    "%s is among those that tests, alarms and dashboard are held against",
    (event, { name }) => {
      const metrics = COUNTED_LINES.flatMap(([counted, , expected]) => (counted === event ? expected : []));
      expect(metrics.map((metric) => metric.split(" ")[0])).toContain(name);
    },
  );

  it("never has a person or a delivery for a dimension", () => {
    for (const [event, fields] of COUNTED_LINES) log(event, { ...fields, person: "ada", delivery: "d1" });
    const keys = lines.flatMap((line) => metricsIn(line).flatMap(({ dimensions }) => Object.keys(dimensions)));
    expect(new Set(keys)).toEqual(new Set(["stage", "code"]));
  });

  it("counts also when LOG_LEVEL leaves it out, and then says nothing more", () => {
    vi.stubEnv("LOG_LEVEL", "error");
    log("account.created", { stage: "account", outcome: "created", person: "ada" });
    expect(metricsIn(lines[0])).toMatchObject([{ name: "Done", dimensions: { stage: "account", code: "created" } }]);
    expect(lines[0]).not.toHaveProperty("person");
  });

  it.each(COUNTED_LINES)("reads in a trace as it did before it counted: %s %o", (event, fields) => {
    log(event, { ...fields, delivery: "d1", person: "ada" });
    vi.stubEnv("METRICS_NAMESPACE", "");
    log(event, { ...fields, delivery: "d1", person: "ada" });
    const [deployed, local] = lines.map((line) => parseLogLine(JSON.stringify({ ...line, time: "" })));
    expect(local).toHaveProperty("person", "ada");
    expect(deployed).toEqual(local);
  });

  it("is as short as ever where nobody asked for metrics", () => {
    vi.stubEnv("METRICS_NAMESPACE", "");
    log("account.created", { stage: "account", outcome: "created" });
    expect(lines[0]).not.toHaveProperty("_aws");
  });
});

describe("CloudWatch's schema", () => {
  it.each<[string, (line: LogLine, directive: Record<string, unknown>) => void]>([
    ["no namespace", (_, directive) => Reflect.deleteProperty(directive, "Namespace")],
    [
      "an unknown unit",
      (_, directive) => Object.assign(directive, { Metrics: [{ Name: "Retried", Unit: "Furlongs" }] }),
    ],
    ["31 dimensions", (_, directive) => Object.assign(directive, { Dimensions: [Array(31).fill("stage")] })],
    ["a date as its time", ({ _aws }) => Object.assign(_aws ?? {}, { Timestamp: "2026-11-25T09:00:00Z" })],
    ["a metric that is nowhere", (line) => Reflect.deleteProperty(line, "Retried")],
    ["a dimension that is nowhere", (line) => Reflect.deleteProperty(line, "stage")],
  ])("would not take %s", (_what, spoil) => {
    log("stage.retried", { stage: "team", code: "gitea.failing" });
    const line = structuredClone(lines[0]);
    const directive = line?._aws?.CloudWatchMetrics[0];
    if (!line || !directive) throw new Error("this line should count");
    expect(() => metricsIn(line)).not.toThrow();
    spoil(line, directive);
    expect(() => metricsIn(line)).toThrow();
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

  it("does not count the days that a letter lay on the queue", async () => {
    const ensure = async () => ({ outcome: "created" as const });
    const sent = spawnOf("ada");
    const receivedAt = new Date(Date.now() - 3 * 86_400_000).toISOString();
    const replay = { number: 1, failedAt: [receivedAt] };
    const record = await bench.receive({ ...sent, delivery: { ...sent.delivery, receivedAt }, replay });
    expect(await bench.handler({ name: "templates", ensure })(record)).toEqual(done);
    const metrics = bench.lines.flatMap(metricsIn).map(({ name }) => name);
    expect(metrics).toEqual(["Done"]);
    expect(bench.lines[0]).not.toHaveProperty("ageSeconds");
  });
});
