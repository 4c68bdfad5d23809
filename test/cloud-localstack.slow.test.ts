import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CloudFormationClient, CreateStackCommand, DeleteStackCommand } from "@aws-sdk/client-cloudformation";
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
} from "@aws-sdk/client-lambda";
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Emulator } from "../infra/local/cloud/emulator.ts";
import { startLocalStackCore } from "../infra/local/cloud/localstack.ts";
import { leftBehind } from "./support/left-behind.ts";
import { copyProject } from "./support/project-copy.ts";
import { startChild } from "./support/start-child.ts";

/** Its core in host mode stands for a LocalStack that somebody runs in Docker: it is found by AWS_ENDPOINT_URL. */
let core: Emulator;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "hubforge-localstack-"));
  core = await startLocalStackCore({ dir, say: () => undefined });
  vi.stubEnv("AWS_ENDPOINT_URL", core.endpoint);
}, 240_000);
afterAll(async () => {
  vi.unstubAllEnvs();
  await core?.stop();
  await rm(dir, { recursive: true, force: true });
}, 60_000);

describe("npm start -- --cloud localstack, with a LocalStack that runs already", () => {
  let project: Awaited<ReturnType<typeof copyProject>>;
  beforeAll(async () => {
    project = await copyProject();
  });
  afterAll(() => project?.remove());

  /** It runs to its end. */
  async function once() {
    const words = ["--cloud", "localstack", "--once", "--json", "--port", "0"];
    const child = startChild(project.folder, words, { AWS_ENDPOINT_URL: core.endpoint });
    return { code: await child.ended, stdout: child.stdout(), stderr: child.stderr() };
  }

  it("leaves a stack alone that somebody keeps there", async () => {
    const cloudFormation = new CloudFormationClient();
    const StackName = "hubforge-local";
    const TemplateBody = JSON.stringify({ Resources: { Queue: { Type: "AWS::SQS::Queue" } } });
    await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody }));
    const { code, stdout, stderr } = await once();
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`hubforge: hubforge-local is deployed at ${core.endpoint} already, and --once takes away`);
    expect(await leftBehind(core.endpoint)).toMatchObject({
      queues: [expect.any(String)],
      parameters: [],
      secrets: [],
    });
    await cloudFormation.send(new DeleteStackCommand({ StackName }));
    const isGone = () => leftBehind(core.endpoint);
    await expect.poll(isGone, { timeout: 30_000 }).toMatchObject({ queues: [] });
  }, 60_000);

  it("takes a person from the function URL to a git clone, and with --once nothing of it stays there", async () => {
    const { code, stdout, stderr } = await once();
    expect(stderr).toContain("✔ templates");
    expect([code, code === 0 ? "" : stderr.split("\n").slice(-12)]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toMatchObject({ commit: { author: "Ada Lovelace <ada@uni.example>" } });
    const left = await leftBehind(core.endpoint);
    expect(Object.entries(left).filter(([, names]) => names.length > 0)).toEqual([]);
  }, 300_000);
});

/** What node_executor.py has to end: an endless loop, a process that goes, a throw; and one that is well. */
const HANDLER = `export const handler = async ({ Records: [{ body }] }) => {
  if (body === "spin") for (;;);
  if (body === "exit") process.exit(1);
  if (body === "throw") throw new Error("no");
  return { batchItemFailures: [] };
};`;
const ZIP = `import io, sys, zipfile
out = io.BytesIO()
with zipfile.ZipFile(out, "w") as archive: archive.writestr("index.mjs", sys.argv[1])
sys.stdout.buffer.write(out.getvalue())`;

it("a function that runs out of time, goes or throws there is tried again, and then its message is in the net", async () => {
  const [lambda, sqs] = [new LambdaClient(), new SQSClient()];
  const queue = async (name: string, more: Record<string, string> = {}) => {
    const Attributes = { FifoQueue: "true", VisibilityTimeout: "2", ...more };
    const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: `${name}.fifo`, Attributes }));
    return { url: QueueUrl, arn: `arn:aws:sqs:eu-central-1:000000000000:${name}.fifo` };
  };
  const net = await queue("net");
  const redrive = { deadLetterTargetArn: net.arn, maxReceiveCount: 2 };
  const work = await queue("work", { RedrivePolicy: JSON.stringify(redrive) });
  const { stdout: ZipFile } = await promisify(execFile)("python3", ["-c", ZIP, HANDLER], { encoding: "buffer" });
  const FunctionName = "deadly";
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName,
      Code: { ZipFile },
      Handler: "index.handler",
      Runtime: "nodejs24.x",
      Role: "arn:aws:iam::000000000000:role/deadly",
      Timeout: 1,
    }),
  );
  const state = async () => (await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }))).State;
  await expect.poll(state, { timeout: 30_000 }).toBe("Active");
  for (const body of ["spin", "exit", "throw", "fine"]) {
    const ids = { MessageGroupId: body, MessageDeduplicationId: body };
    await sqs.send(new SendMessageCommand({ QueueUrl: work.url, MessageBody: body, ...ids }));
  }
  const { UUID } = await lambda.send(
    new CreateEventSourceMappingCommand({
      FunctionName,
      EventSourceArn: work.arn,
      BatchSize: 1,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
    }),
  );
  const ended = new Set<string>();
  const look = async () => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: net.url, MaxNumberOfMessages: 10, VisibilityTimeout: 60 }),
    );
    for (const { Body = "" } of Messages) ended.add(Body);
    return [...ended].toSorted();
  };
  await expect.poll(look, { timeout: 60_000, interval: 500 }).toEqual(["exit", "spin", "throw"]);
  const { Messages: left } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: work.url, WaitTimeSeconds: 3 }));
  expect(left ?? []).toEqual([]);
  await lambda.send(new DeleteEventSourceMappingCommand({ UUID }));
  await lambda.send(new DeleteFunctionCommand({ FunctionName }));
  for (const { url } of [work, net]) await sqs.send(new DeleteQueueCommand({ QueueUrl: url }));
}, 120_000);
