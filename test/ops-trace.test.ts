import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readCloudWatch } from "../infra/ops/trace/read-cloudwatch.ts";
import { startCloudWatch, type TestCloudWatch } from "./support/cloudwatch.ts";
import { spawnOf } from "./support/envelopes.ts";
import { runOps } from "./support/ops.ts";
import { startWorld, type World } from "./support/world.ts";

describe("trace, from the log of real stages", () => {
  let world: World;
  let log: string;
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "hubforge-trace-"));
    log = join(dir, "log.jsonl");
    world = await startWorld();
  });
  afterAll(async () => {
    await world.stop();
    await rm(dir, { recursive: true });
  });

  const trace = async (...words: string[]) => {
    await writeFile(
      log,
      `START RequestId: 1\n${world.lines.map((line) => `${JSON.stringify(line)}\n`).join("")}{"cut sh`,
    );
    return await runOps(["trace", ...words], { environment: { ...world.environment, HUBFORGE_LOG: log } });
  };
  const end = (lines: string[]) => JSON.parse(lines.at(-1) ?? "");

  it("tells the whole way of a delivery: stages, times, requests and how it ended", async () => {
    const spawn = spawnOf("ada");
    await world.pass(spawn);
    const { code, lines } = await trace(spawn.delivery.id);
    expect(code).toBe(0);
    expect(lines.slice(0, -1).map((line) => JSON.parse(line).event)).toEqual([
      ...["identity.unchanged", "account.created", "team.created", "repository.created", "templates.created"],
    ]);
    const sum = (field: "giteaRequests" | "giteaWrites") =>
      world.lines.reduce((total, line) => total + (line[field] ?? 0), 0);
    expect(end(lines)).toMatchObject({
      is: "done",
      delivery: spawn.delivery.id,
      giteaRequests: sum("giteaRequests"),
      giteaWrites: sum("giteaWrites"),
    });
  });

  it("tells a person's latest, by any spelling of the name", async () => {
    const later = spawnOf("ada");
    await world.pass(later);
    expect(end((await trace("ADA")).lines)).toMatchObject({ delivery: later.delivery.id, giteaWrites: 0 });
  });

  it("leads from a dead letter to what happened, and back to the letter", async () => {
    await world.pass(spawnOf("ghost"));
    const [letter] = world.letters();
    const { lines } = await trace(letter?.failureId ?? "");
    expect(end(lines)).toMatchObject({
      is: "dead-letter",
      failureId: letter?.failureId,
      stage: "identity",
      code: "person.unknown",
    });
    const environment = { ...world.environment, HUBFORGE_LOG: log };
    const { stdout } = await runOps(["trace", "ghost"], { environment, columns: 120 });
    expect(stdout).toContain(`next: hubforge dead-letters show ${letter?.failureId}`);
    expect(stdout).toContain("identity dead-lettered");
  });

  it("says what it waits for, and that it is under way", async () => {
    const base = { level: "warn", delivery: "d-wait", hub: "default", person: "wim", route: "spawn" };
    await trace("nobody");
    const waiting = { ...base, time: "2026-11-24T09:00:01Z", event: "stage.retried", stage: "team", attempt: 2 };
    const moving = { ...base, delivery: "d-go", time: "2026-11-24T09:00:01Z", event: "team.created", stage: "team" };
    const more = [{ ...waiting, code: "gitea.failing", reason: "503", retryInSeconds: 15 }, moving];
    const file = join(dir, "more.jsonl");
    await appendFile(file, more.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const now = new Date("2026-11-24T10:00:00Z");
    const traced = (id: string) =>
      runOps(["trace", id], { environment: { ...world.environment, HUBFORGE_LOG: file }, now });
    expect(end((await traced("d-wait")).lines)).toMatchObject({ is: "waiting", stage: "team", retryInSeconds: 15 });
    expect(end((await traced("d-go")).lines)).toMatchObject({ is: "under-way", next: "repository" });
  });

  it("ends with 3 when nothing is known", async () => {
    const { code, stdout, stderr } = await trace("nobody");
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toContain("nothing about nobody was logged");
    expect(stderr).not.toContain("did you mean");
    expect((await trace("ghots")).stderr).toContain("(did you mean ghost?)");
  });

  it("counts from the replay, once there was one, and says when the delivery came in", async () => {
    const base = { level: "info", delivery: "d-again", hub: "default", person: "rea", route: "spawn" };
    const at = (time: string, event: string, more: object) => ({
      ...base,
      time: `2026-11-24T${time}Z`,
      event,
      ...more,
    });
    const lines = [
      at("09:00:00", "identity.unchanged", { stage: "identity" }),
      at("09:00:02", "stage.dead-lettered", { stage: "team", code: "gitea.refused", reason: "400" }),
      at("09:30:00.500", "identity.unchanged", { stage: "identity", replay: 1, milliseconds: 500 }),
      at("09:30:01.250", "templates.created", { stage: "templates", replay: 1, giteaRequests: 2, giteaWrites: 1 }),
    ];
    const file = join(dir, "again.jsonl");
    await appendFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const now = new Date("2026-11-24T10:00:00Z");
    const environment = { ...world.environment, HUBFORGE_LOG: file };
    const { stdout } = await runOps(["trace", "rea"], { environment, now, columns: 140 });
    const afters = stdout.split("\n").flatMap((line) => /^ *([\d.]+ s) /.exec(line)?.[1] ?? []);
    expect(afters).toEqual(["0.00 s", "2.00 s", "0.50 s", "1.25 s"]);
    expect(stdout).toContain(
      "done after 1.3 s of replay 1, 1801.3 s after the delivery came in, with 2 Gitea requests, 1 of them writes",
    );
  });

  it("tells a person's login, and not what their hub has asked since", async () => {
    const spawn = spawnOf("bob");
    await world.pass(spawn);
    const time = new Date().toISOString();
    for (const event of ["workspace.reported", "credentials.minted"] as const) {
      world.lines.push({ time, level: "info", event, delivery: "ask_1", hub: "default", person: "bob" });
    }
    expect(end((await trace("bob")).lines)).toMatchObject({ delivery: spawn.delivery.id });
    expect(end((await trace("ask_1")).lines)).toMatchObject({ delivery: "ask_1" });
  });
});

describe("trace, from CloudWatch Logs", () => {
  let cloud: TestCloudWatch;
  const line = (event: string, person: string, more: object = {}) =>
    JSON.stringify({
      time: "2026-11-24T09:00:00Z",
      level: "info",
      event,
      person,
      delivery: "d1",
      hub: "default",
      ...more,
    });
  const group = (name: string) => `/aws/lambda/hubforge-prod-${name}`;
  const question = {
    deployment: "prod",
    functions: ["ingress", "identity", "team"],
    field: "person" as const,
    since: new Date("2026-11-24T08:00:00Z"),
    until: new Date("2026-11-24T10:00:00Z"),
  };

  beforeEach(async () => {
    cloud = await startCloudWatch({
      [group("ingress")]: ["START RequestId: 1", line("delivery.accepted", 'a"d\\a')],
      [group("identity")]: Array.from({ length: 5 }, (_, attempt) => line("stage.retried", 'a"d\\a', { attempt })),
    });
    process.env["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"] = cloud.endpoint;
  });
  afterEach(async () => {
    delete process.env["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"];
    await cloud.stop();
  });

  it("reads every page of every function that has run, for a name of any characters", async () => {
    const lines = await readCloudWatch({ ...question, value: 'a"d\\a' });
    expect(lines.map(({ event }) => event).toSorted()).toEqual([
      "delivery.accepted",
      ...Array(5).fill("stage.retried"),
    ]);
    expect(new Set(cloud.asked)).toEqual(new Set(["ingress", "identity", "team"].map(group)));
    expect(await readCloudWatch({ ...question, value: "ada" })).toEqual([]);
  });

  it("takes no * for anything else, and a name in any case for the same", async () => {
    const people = ["a*", "ab", "Ada.L", "ada.l", "ADA.L", "adaxl", "Müller", "müller", "muller"];
    await cloud.stop();
    cloud = await startCloudWatch({ [group("team")]: people.map((person) => line("team.created", person)) });
    process.env["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"] = cloud.endpoint;
    const found = async (value: string) => (await readCloudWatch({ ...question, value })).map(({ person }) => person);
    expect(await found("a*")).toEqual(["a*"]);
    expect(await found("aDA.l")).toEqual(["Ada.L", "ada.l", "ADA.L"]);
    expect(await found("MÜLLER")).toEqual(["Müller", "müller"]);
    expect(await readCloudWatch({ ...question, field: "delivery", value: "d*" })).toEqual([]);
    expect(await readCloudWatch({ ...question, field: "delivery", value: "d1" })).toHaveLength(people.length);
  });

  it("says in one sentence when it may not", async () => {
    cloud.refuse("AccessDeniedException");
    await expect(readCloudWatch({ ...question, value: "ada" })).rejects.toThrow(
      "these AWS credentials may not use CloudWatch Logs: you may not",
    );
  });

  it.each(["UnknownError", "InternalFailure"])(
    "says in one sentence that an emulator knows no logs (%s)",
    async (code) => {
      cloud.refuse(code);
      await expect(readCloudWatch({ ...question, value: "ada" })).rejects.toThrow(
        `${cloud.endpoint} answers as no CloudWatch Logs does (${code}): set AWS_ENDPOINT_URL_CLOUDWATCH_LOGS, or beside QUEUE_URL_* HUBFORGE_LOG to a file`,
      );
    },
  );
});
