import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { describeStack, readStack, requireDeployable } from "../infra/deploy/stack-state.ts";
import { startCloudFormation, type TestCloudFormation } from "./support/cloud-formation.ts";
import { CLOSED_PORT } from "./support/ports.ts";
import { startSecretStore } from "./support/secret-store.ts";

const ROOT = new URL("..", import.meta.url);

/** `npm run deploy -- …` in a shell that has only these variables. */
async function deploy(environment: Record<string, string>, ...words: string[]) {
  const { PATH = "" } = process.env;
  const env = { PATH, HOME: "/nowhere", AWS_EC2_METADATA_DISABLED: "true", ...environment };
  const done = promisify(execFile)(process.execPath, ["infra/deploy/deploy.ts", ...words], { cwd: ROOT, env });
  return await done.then(
    ({ stdout }) => ({ code: 0, stderr: "", stdout }),
    (error: { code: number; stderr: string; stdout: string }) => error,
  );
}

const KEYS = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };

describe("npm run deploy, before it changes anything", () => {
  it("names what is missing when there are no credentials", async () => {
    const { code, stderr } = await deploy({ AWS_ENDPOINT_URL: "http://127.0.0.1:1" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^hubforge: no AWS credentials .*: set AWS_PROFILE, or AWS_ACCESS_KEY_ID/);
  });

  it("says where nobody answers", async () => {
    const endpoint = `http://127.0.0.1:${CLOSED_PORT}`;
    const { code, stderr } = await deploy({ ...KEYS, AWS_ENDPOINT_URL: endpoint });
    expect(code).toBe(1);
    expect(stderr).toContain(`AWS_ENDPOINT_URL is ${endpoint}, and nobody answers there`);
  });

  it("misses the file of a stage that has none, and refuses words it does not know", async () => {
    expect((await deploy(KEYS, "--stage", "nope")).stderr).toContain("infra/stages/nope.yml cannot be read: copy");
    const odd = await deploy(KEYS, "--param", "maximumConcurency=2");
    expect(odd.stderr).toContain(
      '--param "maximumConcurency": there are functionTimeoutSeconds, visibilityTimeoutSeconds',
    );
    const npm = await deploy({ ...KEYS, npm_config_stage: "prod" });
    expect([npm.code, npm.stderr]).toEqual([
      1,
      expect.stringContaining('npm took --stage for itself: write them after " -- "'),
    ]);
    expect((await deploy(KEYS, "--force")).stderr).toContain("usage: npm run deploy --");
    expect((await deploy(KEYS, "--stage", "Prod!")).stderr).toContain('--stage "Prod!"');
  });

  it.each([
    ["ROLLBACK_COMPLETE", "npm run remove -- --stage prod, then deploy again"],
    ["UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name hubforge-prod"],
    ["UPDATE_IN_PROGRESS", "wait until it is done"],
    ["REVIEW_IN_PROGRESS", "aws cloudformation delete-stack --stack-name hubforge-prod, then deploy again"],
  ])("does not touch a stack in %s, and says the way out and what failed", (status, remedy) => {
    const failures = ["IngressLambdaFunction CREATE_FAILED: no such bucket"];
    const look = () => requireDeployable({ stage: "prod", region: "x" }, { status, outputs: {}, failures });
    expect(look).toThrow(remedy);
    expect(look).toThrow("IngressLambdaFunction CREATE_FAILED: no such bucket");
  });

  it.each(["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", undefined])(
    "goes on from %s",
    (status) => {
      expect(() => requireDeployable({ stage: "x", region: "x" }, { status, outputs: {}, failures: [] })).not.toThrow();
    },
  );
});

/** What AWS_ENDPOINT_URL names for the rest of this test. */
async function cloudFormation(told: Parameters<typeof startCloudFormation>[0]): Promise<TestCloudFormation> {
  const server = await startCloudFormation(told);
  vi.stubEnv("AWS_ENDPOINT_URL", server.endpoint);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await server.stop();
  });
  return server;
}

describe("npm run deploy, against AWS's own refusals", () => {
  it.each([
    [
      "ExpiredToken",
      "The security token included in the request is expired",
      "AWS refuses these credentials in eu-north-1 (ExpiredToken: The security token included in the request is expired): sign in again",
    ],
    [
      "InvalidClientTokenId",
      "The security token included in the request is invalid.",
      "AWS refuses these credentials in eu-north-1 (InvalidClientTokenId",
    ],
    [
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match",
      "AWS refuses these credentials in eu-north-1 (SignatureDoesNotMatch",
    ],
    [
      "AccessDenied",
      "User: ada is not authorized to perform: cloudformation:DescribeStacks",
      "these credentials may not do that in eu-north-1: User: ada is not authorized to perform: cloudformation:DescribeStacks",
    ],
  ])("says what to do about %s", async (code, message, sentence) => {
    const { endpoint, asked } = await cloudFormation({ refusal: { status: 403, code, message } });
    const { code: exit, stderr } = await deploy({ ...KEYS, AWS_ENDPOINT_URL: endpoint }, "--region", "eu-north-1");
    expect([exit, stderr]).toEqual([1, expect.stringContaining(`hubforge: ${sentence}`)]);
    expect(asked).toEqual(["DescribeStacks"]);
  });

  it("doubts the region where its name leads nowhere", async () => {
    // A label of 64 letters is no host name (RFC 1035): the look-up fails without asking anybody.
    const { stderr } = await deploy(
      { ...KEYS, AWS_ENDPOINT_URL: `http://${"x".repeat(64)}.invalid` },
      "--region",
      "eu-nord-1",
    );
    expect(stderr).toContain("there is no AWS at the region eu-nord-1, or no network (getaddrinfo ");
    expect(stderr).toContain("check --region");
  });

  it("leaves a stack alone that must be removed first, and asks nothing more", async () => {
    const failed = { id: "IngressLambdaFunction", status: "CREATE_FAILED", reason: "no such bucket" };
    const { endpoint, asked } = await cloudFormation({ status: "ROLLBACK_COMPLETE", pages: [[failed]] });
    const { code, stderr, stdout } = await deploy({ ...KEYS, AWS_ENDPOINT_URL: endpoint });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("stack hubforge-dev is in ROLLBACK_COMPLETE: it never worked and can only go");
    expect(stderr).toContain(
      "npm run remove -- --stage dev, then deploy again\n  IngressLambdaFunction CREATE_FAILED: no such bucket",
    );
    expect(asked).toEqual(["DescribeStacks", "DescribeStackEvents 0"]);
  });

  it("stops before it packages anything where a secret is missing, with the command that puts it there", async () => {
    const { endpoint, asked } = await cloudFormation({});
    const store = await startSecretStore();
    onTestFinished(() => store.stop());
    store.parameters.set("/hubforge/dev/gitea-token", "x");
    const environment = { ...KEYS, AWS_ENDPOINT_URL: endpoint, AWS_ENDPOINT_URL_SSM: store.endpoint };
    const { code, stderr, stdout } = await deploy(environment);
    expect([code, stdout]).toEqual([1, ""]);
    const put = "aws ssm put-parameter --type SecureString --name";
    expect(stderr).toMatch(/^hubforge: secrets come first \(/);
    expect(stderr).toContain(
      `WEBHOOK_SECRETS: there is no ssm:/hubforge/dev/webhook-secrets\n    ${put} /hubforge/dev/webhook-secrets --value`,
    );
    expect(stderr).toContain("LDAP_BIND_PASSWORD: there is no ssm:/hubforge/dev/ldap-bind-password");
    expect(stderr).not.toContain("GITEA_TOKEN");
    expect(asked).toEqual(["DescribeStacks"]);
  });
});

describe("what CloudFormation tells of a stack", () => {
  const target = { stage: "prod", region: "eu-central-1" };
  const gone = Array.from({ length: 100 }, (_, index) => ({ id: `Queue${index}`, status: "DELETE_COMPLETE" }));
  const failed = { id: "IngressLambdaFunction", status: "CREATE_FAILED", reason: "no such bucket" };
  const begun = { id: "hubforge-prod", status: "CREATE_IN_PROGRESS", reason: "User Initiated" };
  const older = { id: "AccountQueue", status: "UPDATE_FAILED", reason: "of long ago" };

  it("is read to the beginning of its last operation: a rollback fills the first page with what it took away", async () => {
    const pages = [gone, [failed, begun, older], [older]];
    const { asked } = await cloudFormation({ status: "ROLLBACK_COMPLETE", pages });
    const state = await readStack(target);
    expect(state.failures).toEqual(["IngressLambdaFunction CREATE_FAILED: no such bucket"]);
    expect(asked).toEqual(["DescribeStacks", "DescribeStackEvents 0", "DescribeStackEvents 1"]);
    expect(() => requireDeployable(target, state)).toThrow(
      /then deploy again\n {2}IngressLambdaFunction CREATE_FAILED/,
    );
  });

  it("is read back to the moment that is asked for, over several operations", async () => {
    const old = { ...older, at: "2026-11-25T09:00:00Z" };
    const pages = [gone, [failed, begun, older, old], [old]];
    const { asked } = await cloudFormation({ status: "UPDATE_ROLLBACK_COMPLETE", pages });
    const { failures } = await readStack(target, new Date("2026-11-25T09:30:00Z"));
    expect(failures).toEqual([
      "AccountQueue UPDATE_FAILED: of long ago",
      "IngressLambdaFunction CREATE_FAILED: no such bucket",
    ]);
    expect(asked).toEqual(["DescribeStacks", "DescribeStackEvents 0", "DescribeStackEvents 1"]);
  });

  it.each([
    [
      "DELETE_FAILED",
      "is in DELETE_FAILED: cure what failed, then npm run remove -- --stage prod again\n  Queue stays",
    ],
    ["UPDATE_COMPLETE", "is in UPDATE_COMPLETE\n  Queue stays"],
  ])("says what to do about %s", (status, wanted) => {
    expect(describeStack(target, { status, outputs: {}, failures: ["Queue stays"] })).toBe(
      `stack hubforge-prod ${wanted}`,
    );
  });
});
