import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spawnOf } from "./support/envelopes.ts";
import { lettersOf, NOTHING_TO_DO, outcomes, summary } from "./support/journeys.ts";
import { addPerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

describe("account", () => {
  it("gives somebody new an account, and finds nothing to do when they come back", async () => {
    await addPerson(world, { uid: "newt", cn: "Newt Scamander" });
    const first = await world.pass(spawnOf("newt"));
    expect(outcomes(first)).toEqual([
      "identity.unchanged",
      "account.created",
      "team.created",
      "repository.created",
      "templates.created",
    ]);
    expect(summary(await world.pass(spawnOf("newt")))).toEqual(NOTHING_TO_DO);
    expect(lettersOf(world.letters(), "newt")).toEqual([]);
  });
});
