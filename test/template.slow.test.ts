import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { settingNames } from "#shared/config.ts";
import {
  DEAD_LETTERS,
  DEPARTURES,
  type QueueName,
  queueUrlVariable,
  ROUTES,
  STAGES,
  type StageName,
} from "#shared/pipeline.ts";
import { onlyFile } from "../infra/deploy/only-file.ts";
import { packageService } from "./support/packaged.ts";
import { Arn, all, modelOf, present } from "./support/template-model.ts";

type Section = Parameters<typeof settingNames>[0];

/** Who may know what, as it was agreed and not read off the code. Whatever is not named here must not reach the function. */
const SECTIONS: Record<string, Section[]> = {
  ingress: ["webhooks"],
  workspaces: ["webhooks", "directory", "gitea"],
  identity: ["directory", "retries"],
  account: ["gitea", "retries"],
  team: ["gitea", "retries"],
  repository: ["gitea", "retries"],
  templates: ["gitea", "templates", "retries"],
  release: ["gitea", "retries"],
  "dead-letter": [],
  "directory-sync": ["directory", "gitea", "sync"],
  departures: [],
};
const EVERYWHERE = settingNames("logging");
const SECRETS = ["WEBHOOK_SECRETS", "LDAP_BIND_PASSWORD", "GITEA_TOKEN", "GITEA_PASSWORD"];

/** `identity` → `IdentityQueue`, `dead-letters` → `DeadLettersQueue` */
const queueIdOf = (queue: string) =>
  `${queue.replaceAll(/(?:^|-)(\w)/g, (_whole, first: string) => first.toUpperCase())}Queue`;

const USED_QUEUES: readonly QueueName[] = [...STAGES, DEPARTURES, DEAD_LETTERS];
const QUEUE_OF_VARIABLE = new Map(USED_QUEUES.map((queue) => [queueUrlVariable(queue), queueIdOf(queue)]));

/** Where a stage sends: to the stage after it on any route, and its failures. */
function nextQueuesOf(stage: StageName): string[] {
  const routes: readonly (readonly StageName[])[] = Object.values(ROUTES);
  const next = routes
    .filter((route) => route.includes(stage))
    .flatMap((route) => route[route.indexOf(stage) + 1] ?? []);
  return [...new Set([...next, DEAD_LETTERS])].map(queueIdOf).toSorted();
}

let packaged: Awaited<ReturnType<typeof packageService>>;
let model: ReturnType<typeof modelOf>;
beforeAll(async () => {
  packaged = await packageService();
  model = modelOf(packaged.template);
}, 120_000);
afterAll(() => packaged?.remove());

const stageFunction = (stage: StageName) => present(model.functions.get(stage));

describe("the template", () => {
  it("has one function for each folder in functions/ and one for each stage", async () => {
    const folders = await readdir(new URL("../functions", import.meta.url));
    expect([...model.functions.keys()].toSorted()).toEqual(folders.toSorted());
    for (const stage of STAGES) expect(folders).toContain(stage);
  });

  it("runs every function on Node 24, arm64, with the handler of its folder", () => {
    for (const [name, lambda] of model.functions) {
      expect(lambda).toMatchObject({
        Runtime: "nodejs24.x",
        Architectures: ["arm64"],
        Handler: `functions/${name}/handler.handler`,
        Timeout: name === "directory-sync" ? 270 : 10,
      });
    }
  });

  it("wakes each stage from its own queue alone, one message at a time, with partial failures and a limit", () => {
    for (const stage of STAGES) {
      expect(stageFunction(stage).wokenBy).toMatchObject([
        {
          EventSourceArn: queueIdOf(stage),
          BatchSize: 1,
          FunctionResponseTypes: ["ReportBatchItemFailures"],
          ScalingConfig: { MaximumConcurrency: 5 },
        },
      ]);
    }
    expect(present(model.functions.get("dead-letter")).wokenBy).toMatchObject([
      { EventSourceArn: "CrashedQueue", BatchSize: 1, FunctionResponseTypes: ["ReportBatchItemFailures"] },
    ]);
    expect(present(model.functions.get("departures")).wokenBy).toMatchObject([
      { EventSourceArn: "DeparturesQueue", BatchSize: 1, FunctionResponseTypes: ["ReportBatchItemFailures"] },
    ]);
    expect(model.mappings).toHaveLength(STAGES.length + 2);
  });

  it("wakes the directory sync every five minutes and after each deployment, one run at a time, never twice", () => {
    const { template } = packaged;
    const rules = all(template, "AWS::Events::Rule", z.record(z.string(), z.unknown()));
    expect([...rules.values()]).toMatchObject([
      { ScheduleExpression: "rate(5 minutes)", State: "ENABLED" },
      { EventPattern: { source: ["aws.cloudformation"], resources: [{ Ref: "AWS::StackId" }] } },
    ]);
    const Limit = z.object({ ReservedConcurrentExecutions: z.number().optional() });
    const limited = [...all(template, "AWS::Lambda::Function", Limit)].filter(
      ([, it]) => it.ReservedConcurrentExecutions,
    );
    expect(limited).toEqual([
      ["IngressLambdaFunction", { ReservedConcurrentExecutions: 20 }],
      ["WorkspacesLambdaFunction", { ReservedConcurrentExecutions: 20 }],
      ["DirectoryDashsyncLambdaFunction", { ReservedConcurrentExecutions: 1 }],
    ]);
    const Retry = z.object({ MaximumRetryAttempts: z.number(), MaximumEventAgeInSeconds: z.number() });
    expect([...all(template, "AWS::Lambda::EventInvokeConfig", Retry).values()]).toEqual([
      { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
    ]);
  });

  it("opens POST /v1/events and GET /healthz to the ingress, POST /v1/workspaces to workspaces, and nothing else", () => {
    const routes = all(packaged.template, "AWS::ApiGatewayV2::Route", z.object({ RouteKey: z.string() }));
    expect([...routes.values()].map(({ RouteKey }) => RouteKey)).toEqual([
      "POST /v1/events",
      "GET /healthz",
      "POST /v1/workspaces",
    ]);
    const integrations = all(
      packaged.template,
      "AWS::ApiGatewayV2::Integration",
      z.object({ IntegrationUri: Arn, PayloadFormatVersion: z.literal("2.0") }),
    );
    expect([...integrations.values()].map(({ IntegrationUri }) => IntegrationUri)).toEqual([
      "IngressLambdaFunction",
      "WorkspacesLambdaFunction",
    ]);
  });
});

describe("its bundles", () => {
  it("hold one file each and no source map, which lies in a folder of its own", async () => {
    for (const name of model.functions.keys()) {
      const { name: file, bytes } = onlyFile(await readFile(join(packaged.folder, `${name}.zip`)));
      expect(file).toBe(`functions/${name}/handler.mjs`);
      expect(bytes.includes("sourceMappingURL")).toBe(false);
      const map = await readFile(join(packaged.folder, `../.hubforge/source-maps/${file}.map`), "utf8");
      const { sources } = z.object({ sources: z.array(z.string()) }).parse(JSON.parse(map));
      expect(sources.some((source) => source.endsWith(`functions/${name}/handler.ts`))).toBe(true);
    }
  });
});

describe("its queues", () => {
  it("are one per stage, departures, one net and the dead letters, with the names of shared/pipeline.ts", () => {
    const names = [...STAGES.map((stage) => `${stage}.fifo`), "departures.fifo", "crashed.fifo", "dead-letters"];
    const found = [...model.queues.values()].map(({ QueueName }) => QueueName);
    expect(found.toSorted()).toEqual(names.map((name) => `hubforge-dev-${name}`).toSorted());
  });

  it("are high-throughput FIFO where order counts, and never deduplicate by content", () => {
    for (const [name, queue] of model.queues) {
      const isFifo = name !== "DeadLettersQueue";
      expect(queue.QueueName.endsWith(".fifo")).toBe(isFifo);
      expect(queue.FifoQueue).toBe(isFifo);
      expect(queue.ContentBasedDeduplication).toBeUndefined();
      expect(queue.DeduplicationScope).toBe(isFifo ? "messageGroup" : undefined);
      expect(queue.FifoThroughputLimit).toBe(isFifo ? "perMessageGroupId" : undefined);
    }
  });

  it("hide a message for at least 6 × the time-out of the function that it wakes", () => {
    for (const { wokenBy, Timeout } of model.functions.values()) {
      for (const { EventSourceArn } of wokenBy) {
        expect(present(model.queues.get(EventSourceArn)).VisibilityTimeout).toBeGreaterThanOrEqual(6 * Timeout);
      }
    }
  });

  it("fall into a net of their own type after 30 receives; the net and the letters have none", () => {
    for (const [name, { RedrivePolicy, FifoQueue, MessageRetentionPeriod }] of model.queues) {
      const isLast = name === "CrashedQueue" || name === "DeadLettersQueue";
      expect(MessageRetentionPeriod).toBe((isLast ? 14 : 4) * 24 * 3600);
      if (isLast) expect(RedrivePolicy).toBeUndefined();
      else {
        expect(RedrivePolicy).toEqual({ deadLetterTargetArn: "CrashedQueue", maxReceiveCount: 30 });
        expect(present(model.queues.get("CrashedQueue")).FifoQueue).toBe(FifoQueue);
      }
    }
  });

  it("are each watched: how old the oldest message is, and whether there is a dead letter at all", () => {
    const Watched = z.object({
      MetricName: z.string(),
      Dimensions: z.array(z.object({ Name: z.string(), Value: z.unknown() })),
    });
    const alarms = [...all(packaged.template, "AWS::CloudWatch::Alarm", Watched).values()];
    const watching = (metric: string) =>
      alarms.flatMap(({ MetricName, Dimensions }) =>
        MetricName === metric ? Dimensions.map(({ Value }) => Value) : [],
      );
    const nameOf = (queue: string) => ({ "Fn::GetAtt": [queue, "QueueName"] });
    const queues = [...all(packaged.template, "AWS::SQS::Queue", z.unknown()).keys()];
    expect(new Set(watching("ApproximateAgeOfOldestMessage"))).toEqual(new Set(queues.map(nameOf)));
    expect(watching("ApproximateNumberOfMessagesVisible")).toEqual([nameOf("DeadLettersQueue")]);
  });

  it("delay departures only, by one interval of the sync", () => {
    const delayed = [...model.queues].filter(([, { DelaySeconds }]) => DelaySeconds > 0);
    expect(delayed.map(([name, { DelaySeconds }]) => [name, DelaySeconds])).toEqual([["DeparturesQueue", 300]]);
  });
});

describe("its queues' encryption", () => {
  it("is SQS's own at rest, and on the way everything but TLS is denied", () => {
    const atRest = all(packaged.template, "AWS::SQS::Queue", z.object({ SqsManagedSseEnabled: z.literal(true) }));
    expect(atRest.size).toBe(model.queues.size);
    const Denial = z.object({
      Queues: z.tuple([z.object({ Ref: z.string() })]),
      PolicyDocument: z.object({ Statement: z.tuple([z.looseObject({ Resource: Arn })]) }),
    });
    const policies = [...all(packaged.template, "AWS::SQS::QueuePolicy", Denial).values()];
    expect(policies.map(({ Queues: [queue] }) => queue.Ref).toSorted()).toEqual([...model.queues.keys()].toSorted());
    for (const { Queues, PolicyDocument } of policies) {
      expect(PolicyDocument.Statement[0]).toEqual({
        Effect: "Deny",
        Principal: "*",
        Action: "sqs:*",
        Resource: Queues[0].Ref,
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      });
    }
  });
});

describe("its dashboard", () => {
  it("is JSON that names only what the template has", () => {
    const Body = z.object({ "Fn::Sub": z.tuple([z.string(), z.record(z.string(), z.unknown())]) });
    const dashboards = all(packaged.template, "AWS::CloudWatch::Dashboard", z.object({ DashboardBody: Body }));
    const [text, values] = present(dashboards.get("Dashboard")).DashboardBody["Fn::Sub"];
    const { widgets } = z.object({ widgets: z.array(z.object({ type: z.string() })) }).parse(JSON.parse(text));
    expect(widgets.map(({ type }) => type)).toContain("alarm");
    const named = Array.from(text.matchAll(/\$\{([\w:]+)(?:\.Arn)?\}/g), ([, name = ""]) => name);
    const known = [...Object.keys(values), ...Object.keys(packaged.template.Resources)];
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
    const Reference = z.union([
      z.object({ Ref: z.string() }).transform(({ Ref }) => Ref),
      z.object({ "Fn::GetAtt": z.tuple([z.string(), z.string()]) }).transform((it) => it["Fn::GetAtt"][0]),
    ]);
    const referred = Object.values(values).map((value) => Reference.parse(value));
    expect(referred.filter((name) => !known.includes(name))).toEqual(["AWS::Region"]);
    expect(text).toContain('{\\"hubforge/dev\\",stage,code}');
  });
});

describe("its rights", () => {
  it("let each function take from the queue that wakes it and from no other", () => {
    for (const { wokenBy, allowed } of model.functions.values()) {
      const own = wokenBy.map(({ EventSourceArn }) => EventSourceArn);
      for (const action of ["ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes"]) {
        expect(allowed(`sqs:${action}`)).toEqual(own);
      }
    }
  });

  it("let each stage send to the stages after it and to the dead letters", () => {
    for (const stage of STAGES) {
      expect(stageFunction(stage).allowed("sqs:SendMessage").toSorted()).toEqual(nextQueuesOf(stage));
    }
    const ofOthers = (name: string) => present(model.functions.get(name)).allowed("sqs:SendMessage").toSorted();
    const firstStages = new Set(Object.values(ROUTES).map(([first]) => queueIdOf(first)));
    expect(ofOthers("ingress")).toEqual([...firstStages].toSorted());
    expect(ofOthers("dead-letter")).toEqual(["DeadLettersQueue"]);
    expect(ofOthers("directory-sync")).toEqual(["DeparturesQueue", "IdentityQueue"]);
    expect(ofOthers("departures")).toEqual(["DeadLettersQueue", "IdentityQueue"]);
  });

  it("are given for every queue URL that a function knows, and every queue it may use has its URL", () => {
    for (const { variables, allowed, wokenBy } of model.functions.values()) {
      const known = Object.entries(variables).filter(([name]) => name.startsWith("QUEUE_URL_"));
      // A stage gives a message back to its own queue (ChangeMessageVisibility); the crash net and the departures only send.
      const usable = new Set([...allowed("sqs:SendMessage"), ...allowed("sqs:ChangeMessageVisibility")]);
      usable.delete("CrashedQueue");
      if (wokenBy.length > 0) usable.delete("DeparturesQueue");
      expect(known.map(([, url]) => z.object({ Ref: z.string() }).parse(url).Ref).toSorted()).toEqual(
        [...usable].toSorted(),
      );
      for (const [name, url] of known) expect(url).toEqual({ Ref: present(QUEUE_OF_VARIABLE.get(name)) });
    }
  });

  it("know no wildcard but the streams of the function's own log", () => {
    for (const [name, { statements }] of model.functions) {
      for (const { Action, Resource } of statements) {
        expect(Action.join()).not.toContain("*");
        if (Action.some((action) => !action.startsWith("logs:"))) expect(Resource.join()).not.toContain("*");
        else expect(Resource.join()).toMatch(new RegExp(`:log-group:/aws/lambda/hubforge-dev-${name}:\\*$`));
      }
    }
  });
});

describe("its settings", () => {
  it("reach only the functions that parse them", () => {
    for (const [name, { variables }] of model.functions) {
      const allowed = [...present(SECTIONS[name]).flatMap((section) => settingNames(section)), ...EVERYWHERE];
      const known = Object.keys(variables).filter(
        (variable) => !/^QUEUE_URL_|^MAX_RECEIVE_COUNT$|^METRICS_NAMESPACE$/.test(variable),
      );
      expect(allowed).toEqual(expect.arrayContaining(known));
    }
  });

  it("reach them all when a stage's file sets them all", async () => {
    const source = await readFile(new URL("../infra/functions.yml", import.meta.url), "utf8");
    for (const section of new Set(Object.values(SECTIONS).flat())) {
      const block = source.split(`\n  ${section}: &${section}\n`)[1]?.split(/\n {2}\w/)[0] ?? "";
      const named = [...block.matchAll(/^ {4}(\w+): \$\{self:custom\.settings\.(\w+), null\}/gm)];
      expect(named.map(([, variable]) => variable)).toEqual(settingNames(section));
      for (const [, variable, setting] of named) expect(setting).toBe(variable);
    }
  });

  it("hold secrets as references only", () => {
    for (const { variables } of model.functions.values()) {
      for (const secret of SECRETS.filter((name) => name in variables)) {
        expect(variables[secret]).toMatch(/^(ssm|secretsmanager):/);
      }
    }
  });

  it("tell every stage after how many receives the net takes a message", () => {
    for (const stage of STAGES) {
      const { RedrivePolicy } = present(model.queues.get(queueIdOf(stage)));
      expect(Number(stageFunction(stage).variables["MAX_RECEIVE_COUNT"])).toBe(present(RedrivePolicy).maxReceiveCount);
    }
  });
});

describe("its parameters", () => {
  it("let a test run the net in seconds", async () => {
    const small = await packageService({ functionTimeoutSeconds: 2, visibilityTimeoutSeconds: 12, maxReceiveCount: 3 });
    const { queues, functions } = modelOf(small.template);
    await small.remove();
    for (const [name, { Timeout }] of functions) expect(Timeout).toBe(name === "directory-sync" ? 270 : 2);
    for (const { VisibilityTimeout, RedrivePolicy } of queues.values()) {
      expect(VisibilityTimeout).toBe(12);
      if (RedrivePolicy) expect(RedrivePolicy.maxReceiveCount).toBe(3);
    }
    expect(present(functions.get("team")).variables["MAX_RECEIVE_COUNT"]).toBe("3");
  }, 120_000);
});
