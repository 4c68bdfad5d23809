import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accountOf, signIn, teamNamed } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { lettersOf, NOTHING_TO_DO, summary, under } from "./support/journeys.ts";
import { addPerson, removePerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const spawn = async (user: string) => summary(await world.pass(spawnOf(user)));
const letters = (user: string) => lettersOf(world.letters(), user);

/** Both have all that a spawn makes; then an owner puts `guest` into the team of `host`, and takes `host` out. */
async function exchanged(host: string, guest: string): Promise<string> {
  for (const uid of [host, guest]) {
    await addPerson(world, { uid });
    await spawn(uid);
  }
  const { id, description } = await teamNamed(world, host);
  await world.view.send("PUT", `/teams/${id}/members/${guest}`);
  await world.view.send("DELETE", `/teams/${id}/members/${host}`);
  return description.split(": ")[1] ?? "";
}

describe("a guest alone in somebody's own team", () => {
  it("keeps account and sign-in when the host spawns", async () => {
    await exchanged("bea", "max");
    const before = await accountOf(world, "max");
    await spawn("bea");
    expect(letters("bea")).toEqual(["account permanent team.ambiguous"]);
    expect(await accountOf(world, "max")).toEqual(before);
    expect(await signIn(world, "max", "max-password")).toBe(200);
    expect(await spawn("max")).toEqual(NOTHING_TO_DO);
  });

  it("is not blocked when the host leaves", async () => {
    const directoryId = await exchanged("ann", "mal");
    await removePerson(world, "ann");
    await world.pass(spawnOf("ann", { route: "depart", directoryId }));
    expect(letters("ann")).toEqual(["account permanent team.ambiguous"]);
    expect(await accountOf(world, "mal")).toMatchObject({ prohibit_login: false });
    expect(await signIn(world, "mal", "mal-password")).toBe(200);
  });
});

describe("a person alone in their own team of a former name", () => {
  it("is known by their login; of a leaver there is none, so that nobody is blocked by mistake", async () => {
    await addPerson(world, { uid: "kim" });
    await under(world, { GITEA_TEAM: "team-{username}" }).pass(spawnOf("kim"));
    expect(await spawn("kim")).toEqual(NOTHING_TO_DO);
    const directoryId = (await teamNamed(world, "team-kim")).description.split(": ")[1] ?? "";
    await removePerson(world, "kim");
    await world.pass(spawnOf("kim", { route: "depart", directoryId }));
    expect(letters("kim")).toEqual(["account permanent team.ambiguous"]);
  });
});
