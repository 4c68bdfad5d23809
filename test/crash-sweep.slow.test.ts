import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROUTES } from "#shared/pipeline.ts";
import { crashPoints, runCourse } from "./support/crash-points.ts";
import { spawnOf } from "./support/envelopes.ts";
import { endState, flawless, ownOrganisation, startSweepWorld, sweep } from "./support/sweep.ts";
import type { World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startSweepWorld(200);
});
afterAll(() => world.stop());

describe("the first spawn of a person", () => {
  it("ends as if nothing had happened, at whichever call a function crashes, loses the answer or waits in vain", async () => {
    let people = 0;
    const spawnNewcomer = async (fate?: Parameters<typeof runCourse>[3]) => {
      people += 1;
      const user = `person${people}`;
      const course = await runCourse(world, ownOrganisation(world, user), spawnOf(user), fate);
      return { course, state: await endState(world, user) };
    };
    const points = await crashPoints(world, ownOrganisation(world, "ada"), spawnOf("ada"));
    expect([...new Set(points.map(({ stage }) => stage))]).toEqual(ROUTES.spawn);

    const undisturbed = await spawnNewcomer();
    expect(undisturbed.state).toMatchObject({
      user: { login: "{user}", prohibit_login: false },
      teams: [{ members: ["{user}"] }, { name: "physicists", members: ["{user}"] }],
      collaborators: ["{user} admin"],
      commits: [{ commit: { author: { name: "Person {user}", email: "{user}@uni.example" } }, parents: [] }],
      organisation: { repositories: ["jupyterhub-{user}"] },
      queues: [],
      net: [],
      letters: [],
    });
    expect(await sweep("first spawn", points, undisturbed.state, spawnNewcomer)).toEqual(flawless(points));
  }, 400_000);
});
