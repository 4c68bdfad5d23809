import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startOps } from "./support/ops-child.ts";
import { startQueues, type TestQueues } from "./support/queues.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

let queues: TestQueues;
let nowhere: string;
beforeAll(async () => {
  nowhere = await mkdtemp(join(tmpdir(), "hubforge-home-"));
  queues = await startQueues();
});
afterAll(async () => {
  await queues.stop();
  await rm(nowhere, { recursive: true });
});

/** As on a machine where nobody has set anything up for AWS. */
const BARE = {
  AWS_REGION: undefined,
  AWS_DEFAULT_REGION: undefined,
  AWS_ACCESS_KEY_ID: undefined,
  AWS_SECRET_ACCESS_KEY: undefined,
  AWS_PROFILE: undefined,
  AWS_EC2_METADATA_DISABLED: "true",
};

async function sentence(words: string[], environment: Record<string, string | undefined>): Promise<string> {
  const home = {
    HOME: nowhere,
    AWS_CONFIG_FILE: join(nowhere, "none"),
    AWS_SHARED_CREDENTIALS_FILE: join(nowhere, "none"),
  };
  const child = startOps(words, { ...BARE, ...home, ...environment });
  expect(await child.ended).toBe(1);
  expect(child.stdout()).toBe("");
  expect(child.stderr().trimEnd().split("\n")).toHaveLength(1);
  return child.stderr();
}

describe("without what it needs, hubforge says in one sentence what to set", () => {
  const list = ["--deployment", "prod", "dead-letters", "list"];

  it("no region", async () => {
    expect(await sentence(list, {})).toContain("no AWS region: set AWS_REGION");
  });

  it("no credentials", async () => {
    const environment = { AWS_REGION: "eu-central-1", AWS_ENDPOINT_URL: queues.endpoint };
    expect(await sentence(list, environment)).toContain("no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID");
  });

  it("no such deployment", async () => {
    const keys = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
    const environment = { ...keys, AWS_REGION: "eu-central-1", AWS_ENDPOINT_URL: queues.endpoint };
    expect(await sentence(list, environment)).toContain("there is no queue hubforge-prod-dead-letters");
  });
});

describe("a deployment", () => {
  it("is found by its name alone", async () => {
    const child = startOps(["--deployment", "test", "queues"], { AWS_ENDPOINT_URL: queues.endpoint });
    expect(await child.ended).toBe(0);
    expect(child.stdout().trim().split("\n")).toHaveLength(9);
  });
});

describe("the bin", () => {
  it("is what npx hubforge runs in the checkout", async () => {
    const npx = promisify(execFile)("npx", ["--no-install", "hubforge", "--help"], { cwd: ROOT });
    expect((await npx).stdout).toContain("Usage: hubforge");
  });
});
