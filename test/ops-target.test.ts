import { rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { SettingsError } from "#shared/config.ts";
import { findTarget } from "../infra/ops/target.ts";
import { startCloudWatch } from "./support/cloudwatch.ts";
import { visit } from "./support/doctor.ts";
import { runOps } from "./support/ops.ts";
import { startQueues } from "./support/queues.ts";

/** Nobody listens there. */
const NOWHERE = "http://127.0.0.1:9";
const urlOf = (queue: string) => `${NOWHERE}/000000000000/${queue}`;
const beside = { AWS_ENDPOINT_URL: NOWHERE, AWS_REGION: "eu-central-1" };
const prod = { ...beside, QUEUE_URL_DEAD_LETTERS: urlOf("hubforge-prod-dead-letters") };
const other = { ...beside, QUEUE_URL_DEAD_LETTERS: urlOf("letters") };

const STAGE = `test-${process.pid}`;
const file = fileURLToPath(new URL(`../infra/stages/${STAGE}.yml`, import.meta.url));
const found = { ...beside, QUEUE_URL_DEAD_LETTERS: urlOf(`hubforge-${STAGE}-dead-letters`) };
const findByUrls = (environment: Record<string, string>) => findTarget({ queues: [] }, environment);
afterEach(() => rmSync(file, { force: true }));

describe("the lab", () => {
  it.each(["http://127.evil.example", "http://git.uni.example", "http://localhost.evil.example:3000", "no address"])(
    "breaks nothing at %s, which is not this machine",
    async (GITEA_URL) => {
      const { code, stderr } = await runOps(["lab", "heal"], { environment: { ...other, GITEA_URL } });
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(`${GITEA_URL} is no stand-in`) });
    },
  );

  it.each(["http://127.0.0.1:9", "http://127.8.8.8:9", "http://localhost:9", "http://[::1]:9"])(
    "asks %s, which is",
    async (GITEA_URL) => {
      const { stderr } = await runOps(["lab", "heal"], { environment: { ...other, GITEA_URL } });
      expect(stderr).toContain(`no answer from ${GITEA_URL}`);
    },
  );
});

it("a deployment that is not there: which of this folder's stages was perhaps meant", async () => {
  const queues = await startQueues();
  const environment = { AWS_ENDPOINT_URL: queues.endpoint, AWS_REGION: "eu-central-1" };
  const asked = (name: string) => runOps(["--deployment", name, "dead-letters", "list"], { environment });
  const { code, stderr } = await asked("dve");
  const known = await asked("dev");
  await queues.stop();
  expect(code).toBe(1);
  expect(stderr).toMatch(/there is no queue hubforge-dve-dead-letters: .* \(did you mean dev\?\)\n$/);
  expect(known.stderr).toContain("there is no queue hubforge-dev-dead-letters");
  expect(known.stderr).not.toContain("did you mean");
});

describe("queues of the environment", () => {
  it("are the deployment's that their names tell: its logs, its functions, its settings", async () => {
    writeFileSync(file, "GITEA_URL: https://git.uni.example\nGITEA_ORG: from-the-file\nSTACK_XRAY: true\n");
    const target = await findByUrls({ ...found, GITEA_ORG: "from-the-shell" });
    expect(target).toMatchObject({ deployment: { stage: STAGE }, logs: { deployment: STAGE } });
    const { GITEA_URL, GITEA_ORG, STACK_XRAY } = target.environment;
    expect([GITEA_URL, GITEA_ORG, STACK_XRAY]).toEqual(["https://git.uni.example", "from-the-shell", "true"]);
  });

  it("tell no deployment where npm start made them, or somebody else", async () => {
    const local = { ...beside, QUEUE_URL_DEAD_LETTERS: urlOf("hubforge-local-dead-letters") };
    for (const environment of [local, other]) {
      const target = await findByUrls(environment);
      expect(target.deployment).toBeUndefined();
      expect(target.logs).toEqual({ unknown: expect.stringContaining("HUBFORGE_LOG") });
    }
  });

  it("make doctor look at what wakes that deployment's functions, or say that nobody can tell which", async () => {
    const { rows, row } = await visit(prod);
    const woken = rows.filter(({ group }) => group === "event sources");
    expect(woken.length).toBeGreaterThan(5);
    expect(woken.every(({ state }) => state === "failed")).toBe(true);
    expect(row("woken identity").finding).toContain("hubforge-prod-identity");
    const unknown = (await visit(other)).row("event source mappings");
    expect(unknown).toMatchObject({ state: "not applicable", finding: expect.stringContaining("--deployment names") });
  });
});

describe("trace beside queues of the environment", () => {
  let cloud: Awaited<ReturnType<typeof startCloudWatch>>;
  beforeAll(async () => {
    cloud = await startCloudWatch({});
    process.env["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"] = cloud.endpoint;
  });
  afterAll(async () => {
    delete process.env["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"];
    await cloud.stop();
  });

  it("reads the logs of the deployment whose queues they are, and of no other", async () => {
    expect(await runOps(["trace", "ada"], { environment: prod })).toMatchObject({ code: 3 });
    expect(cloud.asked.length).toBeGreaterThan(0);
    for (const group of cloud.asked) expect(group).toContain("/hubforge-prod-");
  });

  it("is usage where nobody can tell whose log is meant", async () => {
    const { code, stdout, stderr } = await runOps(["trace", "ada"], { environment: other });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("whose log? Set HUBFORGE_LOG to a file, or say --deployment");
  });
});

describe("a stage's file", () => {
  it.each([
    ["is not YAML", "GITEA_URL: [https://git", "it is not YAML"],
    ["is no list of settings", "- GITEA_URL", `infra/stages/${STAGE}.yml`],
    ["holds a list", "LDAP_URLS: [ldap://a, ldap://b]", "LDAP_URLS: must be one text or number"],
  ])("that %s is said, by name", async (_what, text, sentence) => {
    writeFileSync(file, text);
    const failure = await findByUrls(found).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SettingsError);
    expect(String(failure)).toContain(`infra/stages/${STAGE}.yml`);
    expect(String(failure)).toContain(sentence);
    const { code, stderr } = await runOps(["--deployment", STAGE, "dead-letters", "list"], { environment: beside });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(sentence) });
  });

  it("that is not here tells nothing", async () => {
    expect((await findByUrls(found)).environment).toEqual(found);
  });
});
