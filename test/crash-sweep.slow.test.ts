import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Envelope } from "#shared/envelope.ts";
import { ROUTES } from "#shared/pipeline.ts";
import { crashPoints, type Fate, runCourse } from "./support/crash-points.ts";
import { spawnOf } from "./support/envelopes.ts";
import { endState, flawless, freshSpawnOf, ownOrganisation, startSweepWorld, sweep } from "./support/sweep.ts";
import type { World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startSweepWorld(200);
});
afterAll(() => world.stop());

let people = 0;
async function spawnNewcomer(envelopeOf: (user: string) => Envelope, fate?: Fate) {
  people += 1;
  const user = `person${people}`;
  const course = await runCourse(world, ownOrganisation(world, user), envelopeOf(user), fate);
  return { course, state: await endState(world, user) };
}

describe("the first spawn of a person", () => {
  it("ends as if nothing had happened, at whichever call a function crashes, loses the answer or waits in vain", async () => {
    const points = await crashPoints(world, ownOrganisation(world, "ada"), spawnOf("ada"));
    expect([...new Set(points.map(({ stage }) => stage))]).toEqual(ROUTES.spawn);
    const { state } = await spawnNewcomer(spawnOf);
    expect(state).toMatchObject({
      user: { login: "{user}", prohibit_login: false },
      teams: [{ members: ["{user}"] }, { name: "physicists", members: ["{user}"] }],
      collaborators: ["{user} admin"],
      commits: [{ commit: { author: { name: "Person {user}", email: "{user}@uni.example" } }, parents: [] }],
      organisation: { repositories: ["jupyterhub-{user}"] },
      queues: [],
      net: [],
      letters: [],
    });
    expect(await sweep("first spawn", points, state, (fate) => spawnNewcomer(spawnOf, fate))).toEqual(flawless(points));
  }, 400_000);

  it("has one commit, also where the stage commits without looking first", async () => {
    const all = await crashPoints(world, ownOrganisation(world, "bob"), freshSpawnOf("bob"));
    const points = all.filter(({ stage }) => stage === "templates");
    expect(points.map(({ call }) => call)).toEqual([expect.stringMatching(/^gitea POST .*\/contents$/)]);
    const { state } = await spawnNewcomer(freshSpawnOf);
    const ended = await sweep("fresh commit", points, state, (fate) => spawnNewcomer(freshSpawnOf, fate));
    expect(ended).toEqual(flawless(points));
  }, 60_000);
});
