import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { describeStack, readStack, requireDeployable } from "../infra/deploy/stack-state.ts";
import { CLOSED_PORT } from "./support/ports.ts";

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

type Event = { id: string; status: string; reason?: string; at?: string };

/**
 * CloudFormation's answers about one stack, a page of events at a time, newest first (DescribeStackEvents and DescribeStacks in
 * its API reference). Gives the pages that were asked for.
 */
async function cloudFormation(status: string, pages: Event[][]): Promise<string[]> {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    const body = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
    if (body.get("Action") === "DescribeStacks") {
      const stack = `<member><StackName>hubforge-prod</StackName><StackStatus>${status}</StackStatus></member>`;
      response.end(answer("DescribeStacks", `<Stacks>${stack}</Stacks>`));
      return;
    }
    const page = body.get("NextToken") ?? "0";
    asked.push(page);
    const events = (pages[Number(page)] ?? []).map(
      ({ id, status: is, reason = "", at = "2026-11-25T10:00:00Z" }) =>
        `<member><StackName>hubforge-prod</StackName><LogicalResourceId>${id}</LogicalResourceId><Timestamp>${at}</Timestamp><ResourceStatus>${is}</ResourceStatus><ResourceStatusReason>${reason}</ResourceStatusReason></member>`,
    );
    const next = pages[Number(page) + 1] ? `<NextToken>${Number(page) + 1}</NextToken>` : "";
    response.end(answer("DescribeStackEvents", `<StackEvents>${events.join("")}</StackEvents>${next}`));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    server.close();
  });
  return asked;
}

const answer = (action: string, result: string) =>
  `<${action}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><${action}Result>${result}</${action}Result></${action}Response>`;

describe("what CloudFormation tells of a stack", () => {
  const target = { stage: "prod", region: "eu-central-1" };
  const gone = Array.from({ length: 100 }, (_, index) => ({ id: `Queue${index}`, status: "DELETE_COMPLETE" }));
  const failed = { id: "IngressLambdaFunction", status: "CREATE_FAILED", reason: "no such bucket" };
  const begun = { id: "hubforge-prod", status: "CREATE_IN_PROGRESS", reason: "User Initiated" };
  const older = { id: "AccountQueue", status: "UPDATE_FAILED", reason: "of long ago" };

  it("is read to the beginning of its last operation: a rollback fills the first page with what it took away", async () => {
    const asked = await cloudFormation("ROLLBACK_COMPLETE", [gone, [failed, begun, older], [older]]);
    const state = await readStack(target);
    expect(state.failures).toEqual(["IngressLambdaFunction CREATE_FAILED: no such bucket"]);
    expect(asked).toEqual(["0", "1"]);
    expect(() => requireDeployable(target, state)).toThrow(
      /then deploy again\n {2}IngressLambdaFunction CREATE_FAILED/,
    );
  });

  it("is read back to the moment that is asked for, over several operations", async () => {
    const old = { ...older, at: "2026-11-25T09:00:00Z" };
    const asked = await cloudFormation("UPDATE_ROLLBACK_COMPLETE", [gone, [failed, begun, older, old], [old]]);
    const { failures } = await readStack(target, new Date("2026-11-25T09:30:00Z"));
    expect(failures).toEqual([
      "AccountQueue UPDATE_FAILED: of long ago",
      "IngressLambdaFunction CREATE_FAILED: no such bucket",
    ]);
    expect(asked).toEqual(["0", "1"]);
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
