import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { SettingsError } from "#shared/config.ts";
import { OslsFailed } from "../infra/deploy/osls.ts";
import { readStageFile } from "../infra/deploy/stage-file.ts";
import { packageService, type Template } from "./support/packaged.ts";
import { all, modelOf } from "./support/template-model.ts";

const KEY = "arn:aws:kms:eu-central-1:123456789012:key/0192-a";
const LEAST = {
  WEBHOOK_SECRETS: "ssm:/uni/webhooks",
  GITEA_URL: "https://git.uni.example",
  GITEA_USERNAME: "secretsmanager:uni/gitea#username",
  GITEA_PASSWORD: "secretsmanager:uni/gitea#password",
  LDAP_URLS: "ldaps://ldap.uni.example",
  LDAP_BASE: "dc=uni,dc=example",
  LDAP_BIND_DN: "cn=reader,dc=uni,dc=example",
  LDAP_BIND_PASSWORD: "ssm:ldap-password:3",
  GITEA_CLONE_URL: "ssm:arn:aws:ssm:eu-central-1:123456789012:parameter/uni/clone:7",
};
const TOPIC = "arn:aws:sns:eu-central-1:123456789012:on-call";
const EVERYTHING = {
  ...LEAST,
  LDAP_CA: "ssm:/uni/authority",
  STACK_HTTP: "function-urls",
  STACK_SUBNET_IDS: "subnet-1a, subnet-2b",
  STACK_SECURITY_GROUP_IDS: "sg-3c",
  STACK_KMS_KEY_ARN: KEY,
  STACK_INGRESS_CONCURRENCY: 7,
  STACK_LOG_RETENTION_DAYS: 90,
  STACK_XRAY: true,
  ALERT_TOPIC: TOPIC,
  SYNC_SCHEDULE: "rate(2 minutes)",
};

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "hubforge-stage-"));
});
afterAll(() => rm(dir, { recursive: true }));

async function stageFile(settings: Record<string, string | number | boolean>): Promise<string> {
  const path = join(dir, `stage-${crypto.randomUUID()}.yml`);
  await writeFile(path, JSON.stringify(settings)); // JSON is YAML
  return path;
}

async function packaged(settings: Record<string, string | number | boolean>): Promise<Template> {
  const { template, remove } = await packageService({ stageFile: await stageFile(settings) });
  await remove();
  return template;
}

const own = (service: string, name: string) =>
  `arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${name}`;
const PARAMETER = (name: string) => own("ssm", `parameter/${name}`);
const CLONE = "arn:aws:ssm:eu-central-1:123456789012:parameter/uni/clone"; // without the version that was asked for
const GITEA = own("secretsmanager", "secret:uni/gitea-??????");

describe("a stage that sets everything", () => {
  let template: Template;
  let model: ReturnType<typeof modelOf>;
  beforeAll(async () => {
    template = await packaged(EVERYTHING);
    model = modelOf(template);
  }, 120_000);

  it("lets each function read the secrets that it is told of and no others", () => {
    const read = [...model.functions].map(([name, { allowed }]) => [
      name,
      [...allowed("ssm:GetParameter"), ...allowed("secretsmanager:GetSecretValue")],
    ]);
    const directory = [PARAMETER("ldap-password"), PARAMETER("uni/authority")];
    expect(Object.fromEntries(read)).toEqual({
      ingress: [PARAMETER("uni/webhooks")],
      workspaces: [PARAMETER("uni/webhooks"), ...directory, CLONE, GITEA],
      identity: directory,
      "directory-sync": [...directory, CLONE, GITEA],
      ...Object.fromEntries(
        ["account", "team", "repository", "templates", "release"].map((name) => [name, [CLONE, GITEA]]),
      ),
      "dead-letter": [],
      departures: [],
    });
  });

  it("tells the topic of every alarm and of its end, watches the door that it has, and the sync by its interval", () => {
    const Told = z.object({ AlarmActions: z.tuple([z.literal(TOPIC)]), OKActions: z.tuple([z.literal(TOPIC)]) });
    const alarms = all(template, "AWS::CloudWatch::Alarm", Told.extend({ Period: z.int() }));
    expect([alarms.has("IngressErrorsAlarm"), alarms.has("IngressUrlErrorsAlarm")]).toEqual([false, true]);
    expect(alarms.get("SyncSilentAlarm")?.Period).toBe(300); // at least, of a sync every 2 minutes
  });

  it("lets a departure wait for one interval of that stage's sync", () => {
    const delayed = all(template, "AWS::SQS::Queue", z.object({ DelaySeconds: z.int().optional() }));
    expect([...delayed.values()].flatMap(({ DelaySeconds }) => DelaySeconds ?? [])).toEqual([120]);
  });

  it("encrypts every queue with the stage's key, which every function may use", () => {
    const queues = all(template, "AWS::SQS::Queue", z.object({ KmsMasterKeyId: z.literal(KEY) }));
    expect(queues.size).toBe(model.queues.size);
    for (const { allowed } of model.functions.values()) {
      expect([allowed("kms:Decrypt"), allowed("kms:GenerateDataKey")]).toEqual([[KEY], [KEY]]);
    }
  });

  it("gives the ingress and workspaces a URL each and leaves the HTTP API out", () => {
    const urls = all(template, "AWS::Lambda::Url", z.object({ AuthType: z.literal("NONE") }));
    expect([...urls.keys()]).toEqual(["IngressLambdaFunctionUrl", "WorkspacesLambdaFunctionUrl"]);
    expect(Object.values(template.Resources).filter(({ Type }) => Type.startsWith("AWS::ApiGateway"))).toEqual([]);
  });

  it("puts every function into the VPC, with the rights that this takes, and traces it", () => {
    const Placed = z.object({
      VpcConfig: z.object({ SubnetIds: z.array(z.string()), SecurityGroupIds: z.array(z.string()) }),
      TracingConfig: z.object({ Mode: z.literal("Active") }),
    });
    for (const { VpcConfig } of all(template, "AWS::Lambda::Function", Placed).values()) {
      expect(VpcConfig).toEqual({ SubnetIds: ["subnet-1a", "subnet-2b"], SecurityGroupIds: ["sg-3c"] });
    }
    for (const { managed } of model.functions.values()) {
      expect(managed.map((arn) => arn.replace(/^.*\//, ""))).toEqual([
        "AWSLambdaVPCAccessExecutionRole",
        "AWSXRayDaemonWriteAccess",
      ]);
    }
  });

  it("bounds the ingress, and keeps logs for as long as it says", () => {
    const bounded = [...model.functions].map(([name, { ReservedConcurrentExecutions: most }]) => [name, most]);
    expect(bounded.filter(([, most]) => most === 7)).toEqual([
      ["ingress", 7],
      ["workspaces", 7],
    ]);
    const groups = all(template, "AWS::Logs::LogGroup", z.object({ RetentionInDays: z.literal(90) }));
    expect(groups.size).toBe(model.functions.size);
  });
});

it("a stage that wants no sync of its own accord has nothing that starts one, and no alarm that misses it", async () => {
  const [without, by] = [await packaged({ ...LEAST, STACK_SYNC: false }), await packaged(LEAST)];
  const rules = (template: Template) => [...all(template, "AWS::Events::Rule", z.unknown()).keys()];
  expect([rules(without), rules(by).length]).toEqual([[], 2]);
  const alarms = (template: Template) => [...all(template, "AWS::CloudWatch::Alarm", z.unknown()).keys()];
  expect(alarms(by).filter((id) => !alarms(without).includes(id))).toEqual(["SyncSilentAlarm"]);
  expect(modelOf(without).functions.has("directory-sync")).toBe(true);
}, 120_000);

describe("a stage's file", () => {
  it("is told apart from what it cannot be, everything at once and by name", async () => {
    const wrong = {
      ...LEAST,
      GITEA_URL: "git.uni.example",
      GITEA_PASSWORD: "hunter2",
      LDAP_BASE: "",
      LDAP_CA: "/etc/ssl/uni.pem",
      LDPA_URLS: "ldap://typo",
      STACK_HTTP: "rest",
      STACK_SUBNETS: "subnet-1",
    };
    const path = await stageFile(wrong);
    expect(() => readStageFile(path)).toThrow(SettingsError);
    const lines = problemsIn(path).map((line) => line.trim().split(":")[0]);
    expect(lines.toSorted()).toEqual(
      ["GITEA_PASSWORD", "GITEA_URL", "LDAP_BASE", "LDAP_CA", "LDPA_URLS", "STACK_HTTP", "STACK_SUBNETS"].toSorted(),
    );
    expect(problemsIn(path).join()).not.toContain("hunter2");
  });

  it.each([
    [{ COMMIT_NAME: `$\{env:AWS_SECRET_ACCESS_KEY}` }, "COMMIT_NAME: holds a variable of osls"],
    [{ WEBHOOK_SECRETS: "ssm:*" }, "WEBHOOK_SECRETS: refers to a name that ssm cannot have"],
    [
      { GITEA_PASSWORD: "secretsmanager:uni/gitea-??????#x" },
      "GITEA_PASSWORD: refers to a name that secretsmanager cannot",
    ],
    [{ STACK_SUBNET_IDS: "subnet-1a" }, "STACK_SUBNET_IDS: goes with STACK_SECURITY_GROUP_IDS"],
    [{ STACK_KMS_KEY_ARN: "alias/uni" }, "STACK_KMS_KEY_ARN: must be a key's ARN"],
    [{ STACK_INGRESS_CONCURRENCY: 0 }, "STACK_INGRESS_CONCURRENCY: must be a number from 1 to 9999, or none"],
    [{ STACK_LOG_RETENTION_DAYS: 31 }, "STACK_LOG_RETENTION_DAYS: must be one of 1, 3, 5"],
    [{ GITEA_USERNAME: "", GITEA_PASSWORD: "" }, "GITEA_TOKEN: is missing: set GITEA_TOKEN, or GITEA_USERNAME"],
  ])("with %j is refused", async (change, sentence) => {
    expect(problemsIn(await stageFile({ ...LEAST, ...change })).join("\n")).toContain(sentence);
  });

  it("that is missing is missed by its name", () => {
    expect(problemsIn("infra/stages/no-such.yml").join()).toContain("infra/stages/no-such.yml cannot be read: copy");
  });

  it.each([
    [{ GITEA_URL: "nowhere" }, {}, "GITEA_URL: must be an http or https URL"],
    [{}, { visibilityTimeoutSeconds: 59 }, "visibilityTimeoutSeconds: must be at least 6 × functionTimeoutSeconds"],
    [{}, { maximumConcurrency: 1 }, "--param maximumConcurrency: must be from 2 to 1000"],
  ])(
    "stops osls before it packages anything: %j, %j",
    async (change, parameters, sentence) => {
      const path = await stageFile({ ...LEAST, ...change });
      const problem = await packageService({ stageFile: path, ...parameters }).catch((error: unknown) => error);
      expect(problem).toBeInstanceOf(OslsFailed);
      expect(String(problem)).toContain(sentence);
    },
    120_000,
  );
});

function problemsIn(path: string): string[] {
  try {
    readStageFile(path);
    return [];
  } catch (error) {
    const [title = "", ...lines] = String(error instanceof Error ? error.message : error).split("\n");
    return lines.length > 0 ? lines : [title];
  }
}
