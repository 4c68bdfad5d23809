import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Failure } from "#shared/envelope.ts";
import { startEmbeddedQueues } from "../infra/local/embedded-queues.ts";
import { lookInto, repositoryOf } from "../infra/local/look.ts";
import { type Stack, type StackOptions, startLocalStack } from "../infra/local/stack.ts";
import { eventually } from "./support/eventually.ts";

let dir: string;
const stacks: Stack[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "hubforge-stack-"));
});
afterEach(async () => {
  for (const stack of stacks.splice(0)) await stack.stop();
  await rm(dir, { recursive: true, force: true });
});

async function start(options: Partial<StackOptions> = {}): Promise<Stack> {
  const stack = await startLocalStack({ dir, ...options });
  stacks.push(stack);
  return stack;
}

async function spawn(stack: Stack, user: string) {
  const { status, delivery } = await stack.send({ type: "server.spawning", user });
  expect(status).toBe(202);
  return await stack.follow(delivery);
}

async function letters({ sqs, queues }: Stack): Promise<Failure[]> {
  const QueueUrl = queues.find(({ queue }) => queue === "dead-letters")?.url;
  const command = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 });
  const { Messages = [] } = await sqs.send(command);
  return Messages.map(({ Body = "" }) => Failure.parse(JSON.parse(Body)));
}

const outcomes = ({ stages }: { stages: { stage: string; outcome: string }[] }) =>
  stages.map(({ stage, outcome }) => `${stage} ${outcome}`);
const CREATED = ["identity unchanged", "account created", "team created", "repository created", "templates created"];
const FOUND = CREATED.map((text) => text.replace("created", "unchanged"));

describe("the local stack", () => {
  it("takes one person from a signed event to a commit in their name", async () => {
    const stack = await start();
    const journey = await spawn(stack, "ada");
    expect(outcomes(journey)).toEqual(CREATED);
    expect(journey).toMatchObject({ isDone: true, envelope: { account: { username: "ada" } } });
    const { cloneUrl = "" } = repositoryOf(journey, stack.giteaUrl) ?? {};
    const commit = await lookInto(cloneUrl, { dir, user: "ada", password: "ada-password" });
    expect(commit.author).toBe("Ada Lovelace <ada@uni.example>");
  });

  it("finds everything as it was in the same folder, and starts anew in another", async () => {
    await spawn(await start(), "ada");
    await stacks.pop()?.stop();
    expect(outcomes(await spawn(await start(), "ada"))).toEqual(FOUND);
    await stacks.pop()?.stop();
    expect(outcomes(await spawn(await start({ dir: join(dir, "other") }), "ada"))).toEqual(CREATED);
  });

  it("goes on with the messages that a stop left in the queue", async () => {
    const first = await start({ keepMessages: true });
    first.gitea?.faults.add({ status: 503, times: "always" });
    const { delivery } = await first.send({ type: "server.spawning", user: "ada" });
    await eventually(() => first.lines.some(({ event }) => event === "stage.retried")).toBe(true);
    await first.stop();

    const second = await start({ keepMessages: true });
    expect(await second.follow(delivery)).toMatchObject({ isDone: true });
  });

  it("tells a refused person's journey by its dead letter", async () => {
    const stack = await start();
    const journey = await spawn(stack, "nobody");
    expect(journey).toMatchObject({
      isDone: false,
      stages: [],
      failure: { stage: "identity", code: "person.unknown" },
    });
    expect(await letters(stack)).toMatchObject([{ class: "permanent", stage: "identity", code: "person.unknown" }]);
  });

  it("uses an SQS that runs already", async () => {
    const queues = await startEmbeddedQueues();
    const stack = await start({ sqsEndpoint: queues.endpoint });
    expect(stack.queues.every(({ url }) => url.startsWith(queues.endpoint))).toBe(true);
    expect(await spawn(stack, "ada")).toMatchObject({ isDone: true });
    await stack.stop();
    await queues.stop();
  });

  it("stops what it had started when a part fails, and gives the environment back", async () => {
    const before = { ...process.env };
    await expect(start({ sqsEndpoint: "http://127.0.0.1:1" })).rejects.toThrow("unset AWS_ENDPOINT_URL");
    await expect(start({ settings: { GITEA_TEAM: "everybody" } })).rejects.toThrow("GITEA_TEAM");
    expect(process.env).toEqual(before);
    expect(outcomes(await spawn(await start(), "ada"))).toEqual(CREATED);
  });
});
