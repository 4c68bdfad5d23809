import { LambdaClient, ListEventSourceMappingsCommand, UpdateEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { askAws } from "#shared/aws-json.ts";
import type { CloudStack } from "../infra/local/cloud/cloud-stack.ts";
import { startMinistack } from "../infra/local/cloud/ministack.ts";
import { createRunFolder, type RunFolder } from "../infra/local/run-folder.ts";
import { publishStack } from "../infra/ops/publish-stack.ts";
import { startCloud } from "./support/cloud.ts";
import { expectFailed, visit } from "./support/doctor.ts";

let cloud: CloudStack;
let folder: RunFolder;
beforeAll(async () => {
  cloud = await startCloud({ startEmulator: startMinistack, settings: { SYNC_SCHEDULE: "rate(10 minutes)" } });
  folder = createRunFolder();
  publishStack(folder.path, cloud);
  const { delivery } = await cloud.send({ type: "server.spawning", user: "ada" });
  expect(await cloud.follow(delivery, 120_000)).toMatchObject({ isDone: true });
}, 300_000);
afterAll(async () => {
  await cloud?.stop(); // its last lines go into the folder
  folder?.remove();
}, 120_000);

/** As in another terminal: the stack is found by what it has published. */
const look = (...words: string[]) => visit({}, ["--deployment", `local-${process.pid}`, ...words]);

async function switchMapping(name: string, Enabled: boolean): Promise<void> {
  const client = new LambdaClient({ region: cloud.target.region });
  const FunctionName = `hubforge-local-${name}`;
  const { EventSourceMappings = [] } = await client.send(new ListEventSourceMappingsCommand({ FunctionName }));
  for (const { UUID } of EventSourceMappings) await client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }));
  client.destroy();
}

it("finds all well on the emulated cloud, nothing left out", async () => {
  const found = await look();
  expect(found.rows.filter(({ state }) => state !== "ok")).toEqual([]);
  expect(found.code).toBe(0);
  expect(found.row("secret LDAP_BIND_PASSWORD").finding).toContain("secretsmanager:hubforge/local/ldap#password");
  expect(found.row("queue departures").state).toBe("ok"); // its delay is that of a sync every 10 minutes
}, 60_000);

it("finds a function that nothing wakes", async () => {
  await switchMapping("account", false);
  const found = await look();
  await switchMapping("account", true);
  expectFailed(found, "woken account");
  expect(found.row("woken account").finding).toMatch(/mapping of hubforge-local-account.fifo is Disabl(ed|ing) \(UUID/);
  expect(found.row("woken account").advice).toContain("update-event-source-mapping --enabled");
}, 60_000);

it("finds that a queue is not encrypted, and that a secret is not there any more", async () => {
  const team = cloud.queues.find(({ queue }) => queue === "team");
  const set = (SqsManagedSseEnabled: string) =>
    cloud.sqs.send(new SetQueueAttributesCommand({ QueueUrl: team?.url, Attributes: { SqsManagedSseEnabled } }));
  await set("false");
  await askAws({ service: "ssm", target: "AmazonSSM.DeleteParameter", body: { Name: "/hubforge/local/gitea-token" } });
  const found = await look();
  await set("true");
  expectFailed(found, "secret GITEA_TOKEN", "queue team");
  expect(found.row("queue team").finding).toBe("SqsManagedSseEnabled is false, should be true");
  expect(found.row("Gitea reachable").finding).toBe("skipped: secret GITEA_TOKEN failed");
  expect(found.row("webhook secret default").state).toBe("ok");
}, 60_000);

it("holds the queues against the parameters that it is told", async () => {
  const found = await look("--param", "maxReceiveCount=3");
  expect(found.row("redrive identity").finding).toBe("maxReceiveCount is 30, should be 3");
  expect(found.in("failed").filter((check) => check.startsWith("redrive"))).toHaveLength(7);
}, 60_000);
