import type { EventSourceMappingConfiguration } from "@aws-sdk/client-lambda";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readFunctions } from "../infra/local/functions.ts";
import { readQueues } from "../infra/local/resources.ts";
import { runChecks } from "../infra/ops/doctor/check.ts";
import { openDeployment } from "../infra/ops/doctor/deployment.ts";
import { mappingChecks } from "../infra/ops/doctor/mapping-checks.ts";
import { regionCheck } from "../infra/ops/doctor/region-check.ts";
import { expectFailed, visit } from "./support/doctor.ts";
import { startLambda, type TestLambda } from "./support/lambda.ts";

const PLACE = { stage: "prod", region: "eu-central-1", parameters: { maximumConcurrency: 7 } };
const IDENTITY = "hubforge-prod-identity";

let lambda: TestLambda;
beforeEach(async () => {
  lambda = await startLambda();
  const queues = readQueues(PLACE);
  for (const { name, sources } of readFunctions(PLACE)) {
    const mappings = sources.map(
      ({ queueLogicalId, maximumConcurrency }): EventSourceMappingConfiguration => ({
        UUID: `uuid-of-${name}`,
        EventSourceArn: queues.find(({ logicalId }) => logicalId === queueLogicalId)?.arn,
        State: "Enabled",
        BatchSize: 1,
        ScalingConfig: { MaximumConcurrency: maximumConcurrency },
        FunctionResponseTypes: ["ReportBatchItemFailures"],
      }),
    );
    lambda.mappings.set(`hubforge-prod-${name}`, mappings);
  }
});
afterEach(() => lambda.stop());

/** Changes the one mapping that wakes identity. */
function misset(change: EventSourceMappingConfiguration): void {
  lambda.mappings.set(
    IDENTITY,
    (lambda.mappings.get(IDENTITY) ?? []).map((mapping) => ({ ...mapping, ...change })),
  );
}

async function look() {
  const environment = { AWS_REGION: PLACE.region, AWS_ENDPOINT_URL: lambda.endpoint };
  const { parameters } = PLACE;
  const target = { name: "test", environment, logs: { unknown: "test" }, deployment: { stage: "prod" }, parameters };
  const options = { signal: new AbortController().signal, isIngressTold: true, ingress: async () => undefined };
  const deployment = openDeployment(target, options);
  try {
    return await runChecks([regionCheck(deployment), mappingChecks(deployment)]);
  } finally {
    deployment.close();
  }
}

async function identity() {
  const results = await look();
  const others = results.filter(({ check }) => check !== "woken identity");
  expect(others.filter(({ state }) => state !== "ok")).toEqual([]);
  return results.find(({ check }) => check === "woken identity");
}

describe("what wakes a function", () => {
  it("is told as it was read, for every function that a queue wakes", async () => {
    const results = await look();
    expect(results.filter(({ state }) => state !== "ok")).toEqual([]);
    expect(results.map(({ check }) => check)).toEqual([
      "AWS region",
      ...["identity", "account", "team", "repository", "templates", "release", "dead-letter", "departures"].map(
        (name) => `woken ${name}`,
      ),
    ]);
    const finding = "by hubforge-prod-identity.fifo: Enabled, batch size 1, at most 7 at once";
    expect(results.find(({ check }) => check === "woken identity")).toMatchObject({ finding });
  });

  it.each([
    [{ BatchSize: 10 }, "its batch size is 10, should be 1"],
    [{ BatchSize: undefined }, "its batch size is undefined, should be 1"],
    [{ ScalingConfig: { MaximumConcurrency: 50 } }, "its maximum concurrency is 50, should be 7"],
    [{ ScalingConfig: undefined }, "its maximum concurrency is not set, should be 7"],
    [{ FunctionResponseTypes: [] }, "it does not take ReportBatchItemFailures"],
    [{ FunctionResponseTypes: undefined }, "it does not take ReportBatchItemFailures"],
    [{ State: "Disabled" }, "its mapping of hubforge-prod-identity.fifo is Disabled (UUID uuid-of-identity)"],
    [
      { EventSourceArn: "arn:aws:sqs:eu-central-1:1:hubforge-prod-team.fifo" },
      "nothing wakes it for hubforge-prod-identity.fifo",
    ],
  ])("is found to be wrong with %j", async (change, finding) => {
    misset(change);
    expect(await identity()).toMatchObject({ state: "failed", finding, advice: expect.stringContaining(IDENTITY) });
  });

  it("is named with all that is wrong at once", async () => {
    misset({ BatchSize: 2, FunctionResponseTypes: [] });
    const finding = "its batch size is 2, should be 1; it does not take ReportBatchItemFailures";
    expect(await identity()).toMatchObject({ state: "failed", finding });
  });
});

describe("without a region", () => {
  const NOWHERE = "http://127.0.0.1:9";
  const settings = {
    QUEUE_URL_DEAD_LETTERS: `${NOWHERE}/000000000000/hubforge-prod-dead-letters`,
    AWS_ENDPOINT_URL: NOWHERE,
    WEBHOOK_SECRETS: "ssm:/webhooks",
    GITEA_URL: NOWHERE,
    GITEA_TOKEN: "ssm:/gitea",
    LDAP_URLS: "ldap://127.0.0.1:9",
    LDAP_BASE: "dc=uni,dc=example",
    LDAP_BIND_DN: "cn=reader,dc=uni,dc=example",
    LDAP_BIND_PASSWORD: "ssm:/ldap",
  };
  beforeEach(() => {
    for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"]) vi.stubEnv(name, undefined);
    vi.stubEnv("AWS_CONFIG_FILE", "/dev/null"); // whoever runs this may have a region in their profile
  });
  afterEach(() => vi.unstubAllEnvs());

  it("one check fails, and whatever would ask AWS is skipped for it by name", async () => {
    const found = await visit(settings);
    expectFailed(found, "AWS region");
    expect(found.row("AWS region").finding).toBe("no AWS region: set AWS_REGION");
    expect(found.in("ok")).toEqual(["settings templates", "settings retries", "settings sync"]);
    const skipped = found.rows.filter(({ state }) => state === "skipped");
    expect(skipped.length).toBe(found.rows.length - 4);
    expect(new Set(skipped.map(({ finding }) => finding))).toEqual(new Set(["skipped: AWS region failed"]));
  });

  it("what can be looked at without AWS is looked at", async () => {
    const told = { GITEA_TOKEN: "plain", LDAP_BIND_PASSWORD: "plain" };
    const found = await visit({ ...settings, ...told }, ["--ingress", NOWHERE]);
    expectFailed(found, "AWS region", "Gitea reachable", "LDAP bind", "ingress reachable");
  });

  it("AWS_DEFAULT_REGION is one", async () => {
    const found = await visit({ ...settings, AWS_DEFAULT_REGION: "eu-west-1" });
    expect(found.row("AWS region")).toMatchObject({ state: "ok", finding: "eu-west-1" });
  });
});
