import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accountOf, changeAccount, makeTeam, membersOf, teamNamed } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { lettersOf, NOTHING_TO_DO, summary, under } from "./support/journeys.ts";
import { addPerson, removePerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

/** What an organisation's owner has made by hand, under names that hubforge uses. */
let world: World;
beforeAll(async () => {
  world = await startWorld();
  for (const uid of ["help", "ban"]) await addPerson(world, { uid });
  for (const uid of ["help", "ban"]) await spawn(uid);
  await makeTeam(world, "admins", ["help"], { permission: "read", units_map: { "repo.issues": "read" } });
  await makeTeam(world, "leavers", ["ban"]);
});
afterAll(() => world.stop());

const spawn = async (user: string) => summary(await world.pass(spawnOf(user)));
const letters = (user: string) => lettersOf(world.letters(), user);

describe("a team admins that somebody made by hand", () => {
  it("never gets everybody's repositories: the first admin's spawn is a letter", async () => {
    const before = await teamNamed(world, "admins");
    await addPerson(world, { uid: "kay" });
    await under(world, { LDAP_ADMIN_USERS: "kay help" }).pass(spawnOf("kay"));
    expect(letters("kay")).toEqual(["team permanent team.taken"]);
    await under(world, { LDAP_ADMIN_USERS: "kay help" }).pass(spawnOf("help"));
    expect(letters("help")).toEqual(["team permanent team.taken"]);
    expect(await teamNamed(world, "admins")).toEqual(before);
    expect(await membersOf(world, "admins")).toEqual(["help"]);
  });

  it("keeps its members, whatever the sync's plan says", async () => {
    await world.pass(spawnOf("help", { route: "refresh", leave: ["admins"] }));
    expect(await membersOf(world, "admins")).toEqual(["help"]);
  });

  it("is no reason to take over an empty repository that was given to it", async () => {
    await addPerson(world, { uid: "ren" });
    await world.view.send("POST", "/orgs/ilum-jupyterhub/repos", { name: "jupyterhub-ren", private: true });
    const { id } = await teamNamed(world, "admins");
    await world.view.send("PUT", `/teams/${id}/repos/ilum-jupyterhub/jupyterhub-ren`);
    await spawn("ren");
    expect(letters("ren")).toEqual(["repository permanent repository.taken"]);
  });
});

describe("a team leavers that somebody made by hand", () => {
  it("does not lift the ban of whoever is in it", async () => {
    await changeAccount(world, "ban", { prohibit_login: true });
    await spawn("ban");
    expect(letters("ban")).toEqual(["account permanent account.blocked"]);
    expect(await accountOf(world, "ban")).toMatchObject({ prohibit_login: true });
    expect(await membersOf(world, "leavers")).toEqual(["ban"]);
  });

  it("does not get a leaver: nobody is blocked without a note that lifts it again", async () => {
    await addPerson(world, { uid: "lou" });
    await spawn("lou");
    const directoryId = (await teamNamed(world, "lou")).description.split(": ")[1] ?? "";
    await removePerson(world, "lou");
    await world.pass(spawnOf("lou", { route: "depart", directoryId }));
    expect(letters("lou")).toEqual(["account permanent team.taken"]);
    expect(await accountOf(world, "lou")).toMatchObject({ prohibit_login: false });
  });

  it("is left alone when its member spawns", async () => {
    await addPerson(world, { uid: "kit" });
    await spawn("kit");
    const { id } = await teamNamed(world, "leavers");
    await world.view.send("PUT", `/teams/${id}/members/kit`);
    expect(await spawn("kit")).toEqual(NOTHING_TO_DO);
    expect(await membersOf(world, "leavers")).toEqual(["ban", "kit"]);
  });
});
