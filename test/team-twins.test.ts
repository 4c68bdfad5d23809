import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTeam, teamsNamed } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { discard, lettersOf, under, walkTo } from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { addGroup, addPerson, groupDn } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await makeTeam(world, "by-hand", []); // and with it the organisation
});
afterAll(() => world.stop());

async function people(...uids: string[]): Promise<void> {
  for (const uid of uids) await addPerson(world, { uid });
}

const granting = (cn: string, permission: "read" | "write") =>
  under(world, { GROUP_TEAMS: JSON.stringify({ [groupDn(cn)]: { team: cn, permission } }) });

/** Gitea has no unique index on team names (rule 15 of shared/gitea/README.md). */
describe.runIf(IS_STAND_IN)("the team of a group", () => {
  it("that Gitea made several times at once has everybody in the one with the lowest id", async () => {
    const crowd = Array.from({ length: 20 }, (_, place) => `crowd${place + 10}`);
    await people(...crowd);
    await addGroup(world, "crowd", crowd);
    const { handlers } = granting("crowd", "write");
    const records = [];
    for (const user of crowd) {
      const envelope = await walkTo(world, "team", spawnOf(user), handlers);
      await world.sender.sendEnvelope("team", { ...envelope, replay: { number: 1, failedAt: [] } });
      records.push(await world.receive("team"));
    }
    world.gitea.switches.teamRaceMilliseconds = 500; // every create looks before any of them writes
    await Promise.all(
      records.map(async (record) => {
        // On a busy machine some of them wait for Gitea too long, and come again.
        for (let isDone = record === undefined; record && !isDone; ) {
          isDone = (await world.invoke("team", record, handlers)).isDone;
        }
      }),
    );
    world.gitea.switches.teamRaceMilliseconds = 0;
    const teams = (await teamsNamed(world, "crowd")).sort((one, other) => one.id - other.id);
    expect(teams.length).toBeGreaterThan(1); // what Gitea does without a unique index
    const sizes = await Promise.all(teams.map(({ id }) => world.view.get(`/teams/${id}/members?page=1&limit=50`)));
    expect(sizes.map((members) => (Array.isArray(members) ? members.length : -1))).toEqual([
      20,
      ...teams.slice(1).map(() => 0),
    ]);
    await discard(world, "repository");
  });

  it("that exists twice cannot be changed, which a letter says", async () => {
    await people("twin");
    await addGroup(world, "twins", ["twin"]);
    world.gitea.switches.teamRaceMilliseconds = 200;
    const change = { description: "Managed by hubforge. Group id: 1 DN: cn=twins" };
    await Promise.all([makeTeam(world, "twins", [], change), makeTeam(world, "twins", [], change)]);
    world.gitea.switches.teamRaceMilliseconds = 0;
    expect(await teamsNamed(world, "twins")).toHaveLength(2);
    await granting("twins", "read").pass(spawnOf("twin", { route: "refresh" }));
    expect(lettersOf(world.letters(), "twin")).toEqual(["team permanent team.twins"]);
  });
});
