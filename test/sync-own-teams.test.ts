import { afterEach, describe, expect, it } from "vitest";
import { personMark } from "#shared/marks.ts";
import { makeTeam, teamNamed } from "./support/accounts.ts";
import { enrol, eventsOf, startSyncWorld, sync } from "./support/sync.ts";
import type { World } from "./support/world.ts";

let world: World;
afterEach(() => world.stop());

const knownTo = async (settings = {}) => {
  const { answer, sent } = await sync(world, {}, settings);
  expect(sent.filter(({ route }) => route === "depart")).toEqual([]);
  return answer.counts["known"];
};

describe("whose own team is whose", () => {
  it("is told by its one member where GITEA_TEAM was another once, and by nobody where it has two", async () => {
    world = await startSyncWorld({ GITEA_TEAM: "t-{username}" });
    await enrol(world, "ada", "bob");
    const settings = { GITEA_TEAM: "{username}" };
    expect(await knownTo(settings)).toBe(2);
    const { id } = await teamNamed(world, "t-ada");
    await world.view.send("PUT", `/teams/${id}/members/bob`);
    expect(await knownTo(settings)).toBe(1);
  });

  it("stays that of the team with the account's name, whatever other marked team holds them alone", async () => {
    world = await startSyncWorld();
    await enrol(world, "ada", "bob");
    await makeTeam(world, "stray", ["ada"], { description: personMark("somebody-who-has-gone") });
    expect(await knownTo()).toBe(2);
  });
});

describe("GROUP_TEAMS", () => {
  it("is refused with a key that is no DN, before anything is read", async () => {
    world = await startSyncWorld();
    const settings = { GROUP_TEAMS: '{"datasci":{"team":"datasci","permission":"write"}}' };
    const before = world.lines.length;
    await expect(sync(world, {}, settings)).rejects.toThrow(/GROUP_TEAMS: /);
    expect(eventsOf(world.lines.slice(before), "sync.incomplete")).toMatchObject([
      { code: "settings.wrong", counts: { people: 0, accounts: 0, sent: 0 } },
    ]);
  });
});
