import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { syncDirectory } from "../functions/directory-sync/sync-directory.ts";
import { type Stack, startLocalStack } from "../infra/local/stack.ts";
import { GiteaView } from "./support/gitea-view.ts";
import { lockPerson, removePerson, setAttribute } from "./support/people.ts";
import { organisationState, personState } from "./support/person-state.ts";

let dir: string;
let stack: Stack;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "hubforge-writers-"));
  stack = await startLocalStack({ dir, parameters: { departureDelaySeconds: 1 }, isSyncing: true });
});
afterAll(async () => {
  await stack.stop();
  await rm(dir, { recursive: true, force: true });
});

const run = () => syncDirectory(process.env)({}, { getRemainingTimeInMillis: () => 30_000 });
const world = () => {
  if (!stack.gitea) throw new Error("the stand-in runs");
  return { gitea: stack.gitea, view: new GiteaView(stack.gitea.url, stack.gitea.token) };
};
const spawn = async (user: string) =>
  await stack.follow((await stack.send({ type: "server.spawning", user })).delivery);

describe("30 spawns and syncs of the same people at the same time", () => {
  it("runs by itself at start, with a notice", async () => {
    await expect.poll(() => stack.lines.filter(({ event }) => event === "sync.finished").length).toBe(1);
  });

  it("end with one account, one team, one repository and everything right, whoever wins", async () => {
    const people = ["ada", "bob", "carol"];
    await Promise.all(people.map(spawn));
    for (let round = 0; round < 5; round += 1) {
      for (const name of people) await setAttribute(stack, name, "cn", `${name} of round ${round}`);
      const journeys = await Promise.all([...people.map(spawn), run(), run()]);
      for (const journey of journeys.slice(0, 3)) expect(journey).toMatchObject({ isDone: true });
      await run();
      for (const name of people) {
        const fullName = async () => (await personState(world(), name)).user?.full_name;
        await expect.poll(fullName, { timeout: 60_000 }).toBe(`${name} of round ${round}`);
      }
    }
    expect(await organisationState(world(), "ilum-jupyterhub")).toEqual({
      teams: ["Owners", ...people],
      repositories: people.map((name) => `jupyterhub-${name}`),
    });
    expect(stack.lines.filter(({ event }) => event === "stage.dead-lettered")).toEqual([]);
  }, 60_000);

  it("never strand somebody who came back in between: before the second look, or after it", async () => {
    const sentOn = () => stack.lines.filter(({ event, person }) => event === "departure.sent-on" && person === "bob");
    const stateOf = (name: string) => async () => {
      const { user, teams } = await personState(world(), name);
      return { isBlocked: user?.prohibit_login, teams: teams.map((team) => team.name) };
    };
    await lockPerson(stack, "bob");
    await run();
    await setAttribute(stack, "bob", "pwdAccountLockedTime");
    const [journey] = await Promise.all([spawn("bob"), run()]);
    expect(journey).toMatchObject({ isDone: true });
    await expect.poll(() => sentOn().length, { timeout: 60_000 }).toBe(1);
    const [{ delivery } = {}] = sentOn();
    const hasEnded = () =>
      stack.lines.some(
        (line) => line.delivery === delivery && line.event.startsWith("team.") && line.route === "refresh",
      );
    await expect.poll(hasEnded, { timeout: 60_000 }).toBe(true);
    expect(await stateOf("bob")()).toEqual({ isBlocked: false, teams: ["bob"] });

    // Somebody else: one and the same change within five minutes is one delivery to SQS.
    await lockPerson(stack, "ada");
    await run();
    await expect.poll(stateOf("ada"), { timeout: 60_000 }).toEqual({ isBlocked: true, teams: ["ada", "leavers"] });
    await setAttribute(stack, "ada", "pwdAccountLockedTime");
    await Promise.all([run(), spawn("ada"), run()]);
    await expect.poll(stateOf("ada"), { timeout: 60_000 }).toEqual({ isBlocked: false, teams: ["ada"] });
  }, 60_000);

  it("never let a leaver through", async () => {
    await removePerson(stack, "carol");
    await Promise.all([run(), stack.send({ type: "server.spawning", user: "carol" }), run()]);
    const isBlocked = async () => (await personState(world(), "carol")).user?.prohibit_login;
    await expect.poll(isBlocked, { timeout: 60_000 }).toBe(true);
  }, 90_000);
});
