import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { connectForesight } from "../infra/ops/letters/foresee.ts";
import { makeAccount } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { lettersOf, outcomes } from "./support/journeys.ts";
import { letterOf, sendLetters } from "./support/letters.ts";
import { runOps } from "./support/ops.ts";
import { addPerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

type Warning = { code: string; text: string; ids: string[] };

const Requests = z.object({ count: z.int() });

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());
afterEach(async () => {
  await fetch(`${world.gitea.url}/_lab/faults`, { method: "DELETE" });
  await runOps(["dead-letters", "discard", "--all", "--execute", "--yes"], { environment: world.environment });
});

const fail = (rule: object) =>
  fetch(`${world.gitea.url}/_lab/faults`, { method: "POST", body: JSON.stringify({ times: "always", ...rule }) });

async function warnings(words: string[] = [], environment = world.environment): Promise<Warning[]> {
  const { lines } = await runOps(["dead-letters", "replay", ...words], { environment });
  return lines.map((line) => JSON.parse(line)).filter(({ type }) => type === "warning");
}

describe("a plan says what a replay would come to", () => {
  it("nothing, once another delivery has set everything up", async () => {
    const done = spawnOf("ada");
    await world.pass(done);
    await sendLetters(world.queues, [letterOf("ada", { failureId: "late" })]);
    expect(await warnings()).toEqual([
      {
        type: "warning",
        code: "already-done",
        text: `all that it asks for ada is true already (set up by another delivery ${done.delivery.id}): a replay will write nothing`,
        ids: ["late"],
      },
    ]);
  });

  it("the same failure again, while its cause is still there", async () => {
    await addPerson(world, { uid: "loc" });
    await makeAccount(world, "loc");
    await world.pass(spawnOf("loc"));
    await sendLetters(world.queues, [letterOf("ghost", { stage: "identity", code: "person.unknown" })]);
    const seen = await warnings();
    expect(seen.map(({ code }) => code)).toEqual(["fails-again", "fails-again"]);
    expect(seen.map(({ text }) => text).join("\n")).toContain("would fail again now for loc: account: account.taken:");
    expect(seen.map(({ text }) => text).join("\n")).toContain("for ghost: identity: person.unknown:");
  });

  it("that Gitea still refuses hubforge's token, or does not answer", async () => {
    await sendLetters(world.queues, [letterOf("bob", { code: "gitea.unauthorized", class: "exhausted" })]);
    await fail({ status: 401 });
    expect((await warnings())[0]).toMatchObject({
      code: "fails-again",
      text: expect.stringContaining("gitea.unauthorized"),
    });
    await fetch(`${world.gitea.url}/_lab/faults`, { method: "DELETE" });
    await fail({ drop: "before" });
    expect((await warnings())[0]).toMatchObject({
      code: "fails-again",
      text: expect.stringContaining("gitea.unreachable"),
    });
  });

  it("nothing to warn of once the cause is mended, and then the replay does it", async () => {
    await fail({ method: "POST", path: "/orgs/ilum-jupyterhub/repos", status: 400 });
    await world.pass(spawnOf("carol"));
    expect(lettersOf(world.letters(), "carol")).toEqual(["repository permanent gitea.refused"]);
    await fetch(`${world.gitea.url}/_lab/faults`, { method: "DELETE" });
    expect(await warnings()).toEqual([]);
    await runOps(["dead-letters", "replay", "--execute", "--yes"], { environment: world.environment });
    expect(outcomes(await world.drain()).at(-1)).toBe("templates.created");
    expect(world.letters()).toEqual([]);
  });

  it("a letter that fails again comes back with its number, its reason and the times of its tries", async () => {
    await world.pass(spawnOf("nobody1"));
    const [first] = world.letters();
    await runOps(["dead-letters", "replay", "--execute", "--yes", "--reason", "a try"], {
      environment: world.environment,
    });
    await world.drain();
    const [second] = world.letters();
    expect(second?.failureId).not.toBe(first?.failureId);
    expect(second?.envelope?.replay).toEqual({ number: 1, reason: "a try", failedAt: [first?.failedAt] });
    const { stdout } = await runOps(["dead-letters", "show"], { environment: world.environment, columns: 120 });
    expect(stdout).toMatch(/^replays +1, last because "a try"; failed before at 20\d\d-/m);
  });

  it("and asks without ever writing", async () => {
    const foresight = await connectForesight(world.environment);
    if ("why" in foresight) throw new Error(foresight.why);
    await fetch(`${world.gitea.url}/_lab/requests`, { method: "DELETE" });
    await addPerson(world, { uid: "new" });
    const stop = { ...spawnOf("ada", { route: "stop" }) };
    stop.delivery = { ...stop.delivery, account: "ada" };
    for (const envelope of [spawnOf("new"), spawnOf("ada"), spawnOf("new", { route: "refresh" }), stop]) {
      await foresight.foresee(envelope, AbortSignal.timeout(10_000));
    }
    const asked = await (await fetch(`${world.gitea.url}/_lab/requests`)).json();
    expect(asked).toMatchObject({ writes: 0 });
    expect(Requests.parse(asked).count).toBeGreaterThan(5);
  });
});

describe("a plan says what the letters themselves show", () => {
  const at = (user: string, id: string, minute: number) =>
    letterOf(user, {
      failureId: id,
      code: minute > 1 ? "gitea.failing" : "account.taken",
      sent: { delivery: { ...spawnOf(user).delivery, id, receivedAt: `2026-11-24T09:0${minute}:00Z` } },
    });

  it("that an older delivery of the same person would stay behind", async () => {
    await sendLetters(world.queues, [at("ada", "one", 1), at("ada", "two", 2), at("bob", "three", 1)]);
    const [warning] = await warnings(["--code", "gitea.*", "--no-ask"]);
    expect(warning).toMatchObject({ code: "older-left-out", ids: ["one"] });
    expect(warning?.text).toContain("1 older letter of ada would stay behind");
  });

  it("that a delivery was replayed minutes ago and failed again", async () => {
    const replay = { number: 2, failedAt: ["2026-11-24T09:00:00Z", "2026-11-24T09:01:00Z"] };
    const failed = { firstFailedAt: new Date().toISOString(), failedAt: new Date().toISOString() };
    await sendLetters(world.queues, [letterOf("ada", { ...failed, sent: { replay } })]);
    expect((await warnings(["--no-ask"])).map(({ code }) => code)).toEqual(["just-replayed"]);
  });

  it("that nobody was asked where settings are missing, and which", async () => {
    await sendLetters(world.queues, [letterOf("ada")]);
    const [warning] = await warnings([], { ...world.environment, GITEA_URL: undefined });
    expect(warning).toMatchObject({ code: "not-asked", text: expect.stringContaining("GITEA_URL: is missing") });
  });
});
