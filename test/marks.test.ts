import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { groupMark, personMark } from "#shared/marks.ts";
import { accountOf, makeAccount, makeTeam, membersOf, signIn, teamNamed, teamsOf } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { lettersOf, NOTHING_TO_DO, outcomes, summary, under } from "./support/journeys.ts";
import { addGroup, addPerson, groupDn, removePerson, setAttribute } from "./support/people.ts";
import { startWorkspaces } from "./support/workspaces-server.ts";
import { startWorld, type World } from "./support/world.ts";

/** Ids of a staff register: one is the beginning of another. */
let world: World;
beforeAll(async () => {
  world = await startWorld({ LDAP_ID_ATTRIBUTE: "employeeNumber" });
  await enter("anna", "12");
  await spawn("anna");
});
afterAll(() => world.stop());

async function enter(uid: string, employeeNumber: string): Promise<void> {
  await addPerson(world, { uid });
  await setAttribute(world, uid, "employeeNumber", employeeNumber);
}
const spawn = (user: string) => world.pass(spawnOf(user));
const markOf = async (team: string) => (await teamNamed(world, team)).description;
const letters = (user: string) => lettersOf(world.letters(), user);
const CREATED = NOTHING_TO_DO.outcomes.map((said) => said.replace(/(?<!identity)\.unchanged/, ".created"));

/** What anna has is as her own spawn left it. */
async function expectAnnaAsBefore(): Promise<void> {
  expect(await markOf("anna")).toBe(personMark("12"));
  expect(await accountOf(world, "anna")).toMatchObject({ login_name: "anna", prohibit_login: false });
  expect(summary(await spawn("anna"))).toEqual(NOTHING_TO_DO);
}

describe("number 1 is not number 12", () => {
  it("who departs without ever having come leaves 12 alone", async () => {
    expect(outcomes(await world.pass(spawnOf("gone", { route: "depart", directoryId: "1" })))).not.toContain(
      "account.updated",
    );
    await expectAnnaAsBefore();
  });

  it("whose account does not exist yet has no workspace, though 12 has one", async () => {
    await enter("zora", "1");
    const workspaces = await startWorkspaces(world);
    expect((await workspaces.status("anna")).body.state).toBe("ready");
    const { body } = await workspaces.status("zora");
    expect(body).toMatchObject({ state: "pending", cloneUrl: expect.stringContaining("/jupyterhub-zora.git") });
    expect((await workspaces.credentials("zora")).body).not.toHaveProperty("password");
    workspaces.stop();
  });

  it("who was put into 12's team before her first spawn has no workspace of it, and gets a team of her own", async () => {
    await signIn(world, "zora", "zora-password");
    const { id } = await teamNamed(world, "anna");
    await world.view.send("PUT", `/teams/${id}/members/zora`);
    const workspaces = await startWorkspaces(world);
    expect((await workspaces.status("zora")).body).toMatchObject({
      state: "pending",
      cloneUrl: expect.stringContaining("/jupyterhub-zora.git"),
    });
    expect(outcomes(await spawn("zora"))).toEqual(CREATED.with(1, "account.updated"));
    expect((await workspaces.status("zora")).body).toMatchObject({
      state: "ready",
      cloneUrl: expect.stringContaining("/jupyterhub-zora.git"),
    });
    workspaces.stop();
    expect(await markOf("zora")).toBe(personMark("1"));
    expect(await membersOf(world, "zora")).toEqual(["zora"]);
    expect(summary(await spawn("zora"))).toEqual(NOTHING_TO_DO);
    await expectAnnaAsBefore();
  });

  it("who is new gets an account of her own, and not that of 12", async () => {
    await enter("berta", "22");
    await spawn("berta");
    await enter("zita", "2");
    expect(outcomes(await spawn("zita"))).toEqual(CREATED);
    expect(await markOf("zita")).toBe(personMark("2"));
    expect(await accountOf(world, "berta")).toMatchObject({ login_name: "berta" });
  });
});

describe("a description that merely holds somebody's mark", () => {
  it("is none: the person finds no account by it, in whosever team it stands", async () => {
    await makeAccount(world, "mallory");
    await makeTeam(world, "about-yara", ["mallory"], { description: `About ${personMark("3")}` });
    await makeTeam(world, "after-yara", ["mallory"], { description: `${personMark("3")}, and others` });
    await enter("yara", "3");
    expect(outcomes(await spawn("yara"))).toEqual(CREATED);
    expect(await teamsOf(world, "yara")).toEqual(["yara"]);
    expect(await teamsOf(world, "mallory")).toEqual(["about-yara", "after-yara"]);
  });

  it("makes no team theirs that they are in: it keeps its text, and their own is made", async () => {
    const description = `About ${personMark("4")}`;
    await enter("xena", "4");
    await signIn(world, "xena", "xena-password");
    await makeTeam(world, "about-xena", ["xena"], { description });
    expect(outcomes(await spawn("xena"))).toEqual(CREATED.with(1, "account.updated"));
    expect(await markOf("about-xena")).toBe(description);
    expect(await markOf("xena")).toBe(personMark("4"));
  });

  it("blocks nobody when the person leaves", async () => {
    await makeTeam(world, "about-wanda", ["mallory"], { description: `About ${personMark("5")}` });
    await world.pass(spawnOf("wanda", { route: "depart", directoryId: "5" }));
    expect(await accountOf(world, "mallory")).toMatchObject({ prohibit_login: false });
    expect(await teamsOf(world, "mallory")).not.toContain("leavers");
  });

  it("makes no group team of it: neither joined for the group nor left by the sync's plan", async () => {
    await enter("vera", "6");
    await addGroup(world, "violins", ["vera"]);
    const group = { id: "6", name: "violins", dn: groupDn("violins") };
    await makeTeam(world, "violins", [], { description: `Not ${groupMark(group)}` });
    const teams = { [groupDn("violins")]: { team: "violins", permission: "read" } };
    await under(world, { GROUP_TEAMS: JSON.stringify(teams) }).pass(spawnOf("vera"));
    expect(letters("vera")).toEqual(["team permanent team.taken"]);
    expect(await membersOf(world, "violins")).toEqual([]);
    await spawn("vera");
    const { id } = await teamNamed(world, "violins");
    await world.view.send("PUT", `/teams/${id}/members/vera`);
    await world.pass(spawnOf("vera", { route: "refresh", leave: ["violins"] }));
    expect(await teamsOf(world, "vera")).toEqual(["vera", "violins"]);
  });
});

describe("a team admins whose description merely holds hubforge's words", () => {
  it("is somebody else's, and never gets everybody's repositories", async () => {
    await makeTeam(world, "admins", [], { description: "Not Managed by hubforge." });
    await enter("tess", "8");
    await under(world, { LDAP_ADMIN_USERS: "tess" }).pass(spawnOf("tess"));
    expect(letters("tess")).toEqual(["team permanent team.taken"]);
    expect(await teamNamed(world, "admins")).toMatchObject({ includes_all_repositories: false });
  });
});

describe("a person who leaves", () => {
  it("is found by the whole of their mark, and nobody else is", async () => {
    await enter("una", "7");
    await enter("ursula", "77");
    for (const user of ["ursula", "una"]) await spawn(user);
    await removePerson(world, "una");
    await world.pass(spawnOf("una", { route: "depart", directoryId: "7" }));
    expect(await accountOf(world, "una")).toMatchObject({ prohibit_login: true });
    expect(await accountOf(world, "ursula")).toMatchObject({ prohibit_login: false });
  });
});
