import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { alarmsFor } from "../infra/deploy/alarms.ts";
import { checkDeployed } from "../infra/deploy/check-deployed.ts";
import { removeStack } from "../infra/deploy/deploy-stack.ts";
import { StackSettings } from "../infra/deploy/stack-settings.ts";
import { readStack } from "../infra/deploy/stack-state.ts";
import type { CloudStack } from "../infra/local/cloud/cloud-stack.ts";
import { startMinistack } from "../infra/local/cloud/ministack.ts";
import { putParameter } from "../infra/local/cloud/write-stage.ts";
import { lookInto, repositoryOf } from "../infra/local/look.ts";
import { lettersIn, rotateToken, startCloud, TEST_PARAMETERS } from "./support/cloud.ts";
import { metricsIn } from "./support/emf.ts";
import { leftAtTheDoor, leftBehind } from "./support/left-behind.ts";
import { addPerson } from "./support/people.ts";

let cloud: CloudStack;
let endpoint: string;
/** Sent as soon as the stack stands, because crashes take three visibility time-outs to become letters. */
let deadly: string[];
beforeAll(async () => {
  cloud = await startCloud({
    startEmulator: startMinistack,
    parameters: TEST_PARAMETERS,
    settings: { SYNC_SCHEDULE: "rate(1 minute)" },
    handlers: { release: new URL("support/deadly-release.ts", import.meta.url) },
  });
  endpoint = process.env["AWS_ENDPOINT_URL"] ?? "";
  deadly = await Promise.all(["killer", "spinner", "thrower", "stranger", "waiter"].map(stop));
}, 180_000);
afterAll(() => cloud?.stop(), 300_000);

async function stop(user: string): Promise<string> {
  const { status, delivery } = await cloud.send({ type: "server.stopped", user, account: user, reason: "stopped" });
  expect(status).toBe(202);
  return delivery;
}

async function spawn(user: string): Promise<string> {
  const { status, delivery } = await cloud.send({ type: "server.spawning", user });
  expect(status).toBe(202);
  return delivery;
}

const settled = (deliveries: string[]) => Promise.all(deliveries.map((delivery) => cloud.follow(delivery, 240_000)));

describe("the deployed stack", () => {
  it("takes a person from the HTTP door to a git clone with the person's own password", async () => {
    const journey = await cloud.follow(await spawn("ada"));
    expect(journey.stages.map(({ stage }) => stage)).toEqual([
      "identity",
      "account",
      "team",
      "repository",
      "templates",
    ]);
    const { cloneUrl = "" } = repositoryOf(journey, cloud.giteaUrl) ?? {};
    const clone = await lookInto(cloneUrl, { dir: "/tmp", user: "ada", password: "ada-password" });
    expect(clone.author).toBe("Ada Lovelace <ada@uni.example>");
  }, 240_000);

  it("keeps bob moving while dan's account is failing", async () => {
    cloud.gitea?.faults.add({ path: "/users/dan", status: 503, times: "always" });
    const dan = await spawn("dan");
    const [bob] = await settled([await spawn("bob")]);
    expect(bob).toMatchObject({ isDone: true });
    expect(await cloud.follow(dan, 1)).toMatchObject({ isDone: false });
    cloud.gitea?.faults.clear();
  }, 300_000);

  it("reads a rotated token without a deployment, and loses nobody who came meanwhile", async () => {
    const { gitea } = cloud;
    if (!gitea) throw new Error("this test rotates the stand-in's token");
    for (const uid of ["eve", "frank"]) await addPerson(cloud, { uid });
    await putParameter("/hubforge/local/gitea-token", await rotateToken(gitea));
    for (const journey of await settled([await spawn("eve"), await spawn("frank")])) {
      expect(journey).toMatchObject({ isDone: true });
    }
    expect(cloud.lines.some(({ code }) => code === "gitea.unauthorized")).toBe(true);
  }, 300_000);

  it("loses no event of a burst that a new deployment cuts through", async () => {
    const people = ["gil", "hana", "ivo", "june"];
    for (const uid of people) await addPerson(cloud, { uid });
    const sent = [await spawn("gil")];
    const deploying = cloud.deploy();
    for (const uid of people.slice(1)) sent.push(await spawn(uid));
    await deploying;
    for (const journey of await settled(sent)) expect(journey).toMatchObject({ isDone: true });
  }, 400_000);

  it("works for several people at once, as many as the template allows, and for one in order", async () => {
    const people = ["sleeper-a", "sleeper-a", "sleeper-b", "sleeper-c", "sleeper-d"];
    await settled(await Promise.all(people.map(stop)));
    const spans = cloud.lines
      .filter(({ event, person }) => event === "release.unchanged" && person?.startsWith("sleeper"))
      .map(({ time, milliseconds = 0, person }) => ({
        person,
        end: Date.parse(time),
        start: Date.parse(time) - milliseconds,
      }));
    expect(spans).toHaveLength(people.length);
    const besides = ({ start }: (typeof spans)[number]) =>
      spans.filter((other) => other.start <= start && start < other.end);
    const most = Math.max(...spans.map((span) => besides(span).length));
    expect(most).toBeGreaterThanOrEqual(2);
    expect(most).toBeLessThanOrEqual(5);
    const own = spans.filter(({ person }) => person === "sleeper-a").toSorted((one, other) => one.start - other.start);
    expect(own[1]?.start).toBeGreaterThanOrEqual(own[0]?.end ?? Number.POSITIVE_INFINITY);
  }, 300_000);

  it("ends a crash, an endless loop and a throw as letters of the net, a refusal at once, and a passing trouble not at all", async () => {
    const letters = new Map<string, string>();
    const look = async () => {
      for (const { class: kind, envelope } of await lettersIn(cloud)) {
        if (envelope) letters.set(envelope.delivery.user, kind);
      }
      return Object.fromEntries(letters);
    };
    await expect
      .poll(look, { timeout: 240_000, interval: 2_000 })
      .toEqual({ killer: "crash", spinner: "crash", thrower: "crash", stranger: "permanent" });
    expect(await cloud.follow(deadly[4] ?? "", 1)).toMatchObject({ isDone: true });
  }, 300_000);

  it("is watched by every alarm of infra/alarms.yml and a dashboard, and its functions count what they do", async () => {
    const alarms = Object.values(alarmsFor({ stack: StackSettings.parse({}), settings: {} }));
    const names = alarms.map(({ Properties }) => Properties.AlarmName.replaceAll(/\$\{sls:stage\}/g, "local"));
    const there = { ...(await leftBehind(endpoint)), ...(await leftAtTheDoor(endpoint)) };
    expect(there).toMatchObject({ alarms: names.toSorted(), dashboards: ["hubforge-local"] });
    const counted = cloud.lines.filter((line) => "_aws" in line).flatMap(metricsIn);
    expect([...new Set(counted.map(({ namespace }) => namespace))]).toEqual(["hubforge/local"]);
    const wanted = ["Accepted", "Done", "AgeAtDone", "Retried", "DeadLettered", "Unauthorized"];
    expect(counted.map(({ name }) => name)).toEqual(expect.arrayContaining(wanted));
  });

  it("is woken by its schedule", async () => {
    await expect.poll(() => cloud.lines.map(({ event }) => event), { timeout: 240_000 }).toContain("sync.finished");
  }, 100_000);

  it("goes without a trace: nothing is left of any kind but the secrets, which were not its own", async () => {
    const look = async () => ({ ...(await leftBehind(endpoint)), ...(await leftAtTheDoor(endpoint)) });
    const { parameters, secrets, policies: _, ...made } = await look();
    expect(Object.entries(made).filter(([, names]) => names.length === 0)).toEqual([]);
    await removeStack({ ...cloud.target, say: () => undefined });
    await expect(removeStack({ ...cloud.target, say: () => undefined })).rejects.toThrow(
      "there is no stack hubforge-local",
    );
    expect((await readStack(cloud.target)).status).toBeUndefined();
    // What osls would call a success all the same, were it not looked at.
    await expect(checkDeployed(cloud.target, new Date())).rejects.toThrow(
      /there is none[\s\S]*function hubforge-local-ingress/,
    );
    const nothing = Object.fromEntries(Object.keys(made).map((kind) => [kind, []]));
    expect(await look()).toEqual({ ...nothing, policies: [], parameters, secrets });
  }, 300_000);
});
