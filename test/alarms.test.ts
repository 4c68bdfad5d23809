import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { InvalidCredentialsError } from "ldapts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { faultOf } from "#shared/directory/faults.ts";
import { Retryable, Unauthorized } from "#shared/errors.ts";
import { classify } from "#shared/gitea/classify.ts";
import { type LogLine, log, setLogWriter } from "#shared/log.ts";
import { alarmsFor } from "../infra/deploy/alarms.ts";
import { dashboardOf } from "../infra/deploy/dashboard.ts";
import { deployStack } from "../infra/deploy/deploy-stack.ts";
import { StackSettings } from "../infra/deploy/stack-settings.ts";
import { COUNTED_LINES } from "./support/counted-lines.ts";
import { metricsIn } from "./support/emf.ts";

let lines: LogLine[];
beforeEach(() => {
  vi.stubEnv("METRICS_NAMESPACE", "hubforge/test");
  lines = [];
  setLogWriter((line) => lines.push(line));
});
afterEach(() => vi.unstubAllEnvs());

const Watched = z.looseObject({ Period: z.int(), EvaluationPeriods: z.int(), TreatMissingData: z.string() });

const LEAST = {
  WEBHOOK_SECRETS: "ssm:/uni/webhooks",
  GITEA_URL: "https://git.uni.example",
  GITEA_TOKEN: "ssm:/uni/gitea",
  LDAP_URLS: "ldaps://ldap.uni.example",
  LDAP_BASE: "dc=uni,dc=example",
  LDAP_BIND_DN: "cn=reader,dc=uni,dc=example",
  LDAP_BIND_PASSWORD: "ssm:/uni/ldap",
};

describe("alarms and dashboard", () => {
  const stage = { stack: StackSettings.parse({}), settings: {} };
  const own = Object.values(alarmsFor(stage))
    .map(({ Properties }) => Properties)
    .filter(({ Namespace }) => Namespace.startsWith("hubforge/"));

  it("watch metrics that are logged under just that name and those dimensions", () => {
    for (const [event, fields] of COUNTED_LINES) log(event, fields);
    log("stage.retried", { stage: "identity", code: "ldap.unauthorized" });
    const logged = lines.flatMap(metricsIn).map(({ name, dimensions }) => JSON.stringify([name, dimensions]));
    expect(own).toHaveLength(5);
    for (const { MetricName, Dimensions } of own) {
      const dimensions = Object.fromEntries(Dimensions.map(({ Name: key, Value }) => [key, Value]));
      expect(logged).toContain(JSON.stringify([MetricName, dimensions]));
    }
  });

  it("watch the codes with which Gitea and LDAP really refuse", () => {
    const codes = own.flatMap(({ Dimensions }) => Dimensions.map(({ Value }) => Value));
    expect(codes).toEqual([refusedByGitea().code, refusedByLdap().code]);
  });

  it("have names of their own, call no measure quiet but for the sync, and look back as far as CloudWatch can", () => {
    for (const SYNC_SCHEDULE of [
      "rate(1 minute)",
      "rate(5 minutes)",
      "rate(1 hour)",
      "rate(24 hours)",
      "rate(48 hours)",
    ]) {
      const alarms = Object.entries(alarmsFor({ ...stage, settings: { SYNC_SCHEDULE } }));
      expect(new Set(alarms.map(([, { Properties }]) => Properties.AlarmName)).size).toBe(alarms.length);
      for (const [id, { Properties }] of alarms) {
        const { Period, EvaluationPeriods, TreatMissingData } = Watched.parse(Properties);
        expect(TreatMissingData).toBe(id === "SyncSilentAlarm" ? "breaching" : "notBreaching");
        expect(Period % 60).toBe(0);
        expect(Period * EvaluationPeriods).toBeLessThanOrEqual((Period < 3600 ? 1 : 7) * 86_400);
      }
    }
  });

  it.each([
    ["rate(1 minute)", 300, 300],
    ["rate(1 hour)", 3600, 3600],
    ["rate(24 hours)", 86_400, 86_400],
    ["rate(48 hours)", undefined, 86_400],
    ["cron(0 6 * * ? *)", undefined, 3600],
  ])(
    "watch a sync at %s for three periods of %s s, and hold what a run says for three of %i s",
    (SYNC_SCHEDULE, seconds, held) => {
      const { SyncSilentAlarm, HeldBackAlarm } = alarmsFor({ ...stage, settings: { SYNC_SCHEDULE } });
      expect(SyncSilentAlarm?.Properties["Period"]).toBe(seconds);
      expect(HeldBackAlarm?.Properties).toMatchObject({
        Period: held,
        EvaluationPeriods: 3,
        DatapointsToAlarm: 1,
      });
    },
  );

  it("tell no topic of another region: a deployment stops before anything is asked", async () => {
    const stageFile = join(await mkdtemp(join(tmpdir(), "hubforge-topic-")), "stage.yml");
    await writeFile(
      stageFile,
      JSON.stringify({ ...LEAST, ALERT_TOPIC: "arn:aws:sns:eu-central-1:123456789012:on-call" }),
    );
    const target = { stage: "dev", region: "us-east-1", parameters: { stageFile } };
    const deploying = deployStack({ ...target, say: () => undefined });
    await expect(deploying).rejects.toThrow("ALERT_TOPIC is in eu-central-1 and the stage in us-east-1");
    await rm(dirname(stageFile), { recursive: true });
  });

  it("have each a row in infra/README.md, and their price", async () => {
    const page = await readFile(new URL("../infra/README.md", import.meta.url), "utf8");
    for (const STACK_HTTP of ["api", "function-urls"]) {
      const alarms = Object.values(alarmsFor({ ...stage, stack: StackSettings.parse({ STACK_HTTP }) }));
      for (const { Properties } of alarms) {
        expect(page).toContain(`\`${Properties.AlarmName.replace(/^hubforge-\$\{sls:stage\}-/, "")}\``);
      }
      expect(page).toContain(`| ${alarms.length} alarms | $${(alarms.length / 10).toFixed(2)} |`);
    }
  });

  it("show only metrics that are logged, and every one of them", () => {
    for (const [event, fields] of COUNTED_LINES) log(event, fields);
    const logged = lines.flatMap(metricsIn);
    const names = new Set([...logged.map(({ name }) => name), "AgeAtDone"]);
    const body = String(dashboardOf(alarmsFor(stage)).Properties.DashboardBody["Fn::Sub"][0]);
    const bySearch = [...body.matchAll(/stage\}\\",?([\w,]*)\} MetricName=\\"(\w+)\\"/g)];
    const byName = own.map(({ MetricName }) => MetricName).filter((name) => body.includes(`"${name}"`));
    for (const [, dimensions = "", name = ""] of bySearch) {
      const like = logged.find((metric) => metric.name === name);
      if (like) expect([name, Object.keys(like.dimensions)]).toEqual([name, dimensions.split(",")]);
    }
    expect(new Set([...bySearch.map(([, , name = ""]) => name), ...byName])).toEqual(names);
  });

  it("tell commands for their own stage, here and in infra/README.md", async () => {
    const told = Object.values(alarmsFor(stage)).map(({ Properties }) => String(Properties["AlarmDescription"]));
    const commands = told.flatMap((text) => /hubforge .*/.exec(text) ?? []);
    expect(commands.length).toBeGreaterThan(4);
    for (const command of commands) expect(command).toMatch(/^hubforge --deployment \$\{sls:stage\} \w/);
    const page = await readFile(new URL("../infra/README.md", import.meta.url), "utf8");
    const rows = page.split("\n").filter((line) => line.startsWith("| `"));
    const inRows = rows.flatMap((row) => row.match(/`hubforge [^`]*`/g) ?? []);
    expect(inRows.length).toBeGreaterThan(4);
    for (const command of inRows) expect(command).toMatch(/^`hubforge --deployment <stage> \w/);
  });
});

function refusedByGitea(): Unauthorized {
  const nothing = { location: undefined, retryAfterSeconds: undefined, totalCount: undefined, answeredAt: undefined };
  const request = { method: "GET", path: "/user", status: 401 };
  try {
    classify({ status: 401, body: null, message: "token is required", request, ...nothing }, []);
  } catch (error) {
    if (error instanceof Unauthorized) return error;
  }
  throw new Error("a 401 of Gitea is no Unauthorized any more");
}

function refusedByLdap(): Retryable {
  const fault = faultOf(new InvalidCredentialsError("no"), { url: "ldap://ldap", operation: "bind" });
  if (fault instanceof Retryable) return fault;
  throw new Error("result code 49 is nothing to retry any more");
}
