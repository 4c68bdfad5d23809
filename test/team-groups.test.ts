import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accountOf, changeAccount, makeTeam, membersOf, teamNamed, teamsOf } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { deliver, lettersOf, NOTHING_TO_DO, retryOf, summary, under, walkTo } from "./support/journeys.ts";
import { addGroup, addPerson, groupDn, leaveGroup, removePerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await makeTeam(world, "by-hand", []);
});
afterAll(() => world.stop());

const letters = (user: string) => lettersOf(world.letters(), user);
const QUIET = { outcomes: NOTHING_TO_DO.outcomes.slice(0, 3), writes: 0 };

type GroupTeam = { team: string; permission: "read" | "write" | "admin" };

/** The part of a spawn that ends with the team, under these group teams (by the groups' names) and other settings. */
function granting(groups: Record<string, GroupTeam>, settings: Record<string, string> = {}) {
  const byDn = Object.entries(groups).map(([cn, grant]) => [groupDn(cn), grant]);
  const { pass, handlers } = under(world, { GROUP_TEAMS: JSON.stringify(Object.fromEntries(byDn)), ...settings });
  return {
    handlers,
    visit: async (user: string, leave: string[] = []) =>
      summary(await pass(spawnOf(user, { route: "refresh", leave }))),
    depart: async (user: string, directoryId: string, leave: string[]) =>
      summary(await pass(spawnOf(user, { route: "depart", directoryId, leave }))),
  };
}

async function people(...uids: string[]): Promise<void> {
  for (const uid of uids) await addPerson(world, { uid });
}

describe("the team of a group", () => {
  it("is made by its first member, marked with the group, and joined by the others", async () => {
    await people("abe", "bea", "cal");
    await addGroup(world, "physics", ["abe", "bea"]);
    const { visit } = granting({ Physics: { team: "physicists", permission: "read" } });
    for (const user of ["abe", "bea", "cal"]) await visit(user);
    expect(await membersOf(world, "physicists")).toEqual(["abe", "bea"]);
    expect(await teamNamed(world, "physicists")).toMatchObject({
      description: expect.stringMatching(/^Managed by hubforge\. Group id: [0-9a-f-]{36} DN: cn=physics,ou=groups,/),
      units_map: { "repo.code": "read" },
      includes_all_repositories: false,
    });
    for (const user of ["abe", "bea", "cal"]) expect([user, await visit(user)]).toEqual([user, QUIET]);
  });

  it("is one where two groups lead to it, and somebody in both is in it once", async () => {
    await people("dee");
    await addGroup(world, "chem-staff", ["dee"]);
    await addGroup(world, "chem-students", ["dee"]);
    const grants = { team: "chemists", permission: "write" } as const;
    const { visit } = granting({ "chem-staff": grants, "chem-students": { ...grants, team: "Chemists" } });
    await visit("dee");
    expect(await teamsOf(world, "dee")).toEqual(["chemists", "dee"]);
    expect(await visit("dee")).toEqual(QUIET);
  });

  it("cannot have two permissions: hubforge refuses to start, naming the team, and loses nothing", async () => {
    const { handlers } = granting({
      "chem-staff": { team: "chemists", permission: "write" },
      "chem-students": { team: "Chemists", permission: "read" },
    });
    const { lines, drop } = await deliver(world, "account", await walkTo(world, "account", spawnOf("carol")), handlers);
    await drop();
    expect(retryOf(lines)).toMatchObject({
      code: "settings.wrong",
      reason: expect.stringContaining("GROUP_TEAMS: team chemists has write and read"),
    });
  });

  it("follows its setting up and down, with the units and without everybody's repositories", async () => {
    await people("eli");
    await addGroup(world, "maths", ["eli"]);
    for (const permission of ["read", "admin", "write"] as const) {
      const { visit } = granting({ maths: { team: "mathematicians", permission } });
      await visit("eli");
      const team = await teamNamed(world, "mathematicians");
      expect(team.includes_all_repositories).toBe(false);
      expect([permission, team.units_map?.["repo.code"]]).toEqual([permission, permission]);
      expect(await visit("eli")).toEqual(QUIET);
    }
  });

  it("is never a team that somebody made by hand", async () => {
    await people("flo");
    await addGroup(world, "flutes", ["flo"]);
    await granting({ flutes: { team: "by-hand", permission: "admin" } }).visit("flo");
    expect(letters("flo")).toEqual(["team permanent team.taken"]);
    expect(await membersOf(world, "by-hand")).toEqual([]);
  });
});

describe("leaving", () => {
  it("happens only where the sync's plan and the directory, read afresh, agree, and only to managed teams", async () => {
    await people("gus", "hal");
    await addGroup(world, "golf", ["gus", "hal"]);
    await addGroup(world, "hockey", ["gus"]);
    const grants = {
      golf: { team: "golfers", permission: "read" },
      hockey: { team: "hockey", permission: "read" },
    } as const;
    const { visit } = granting(grants);
    await visit("gus");
    const { id } = await teamNamed(world, "by-hand");
    await world.view.send("PUT", `/teams/${id}/members/gus`);

    expect(await visit("gus", ["golfers", "hockey", "by-hand", "gus", "Owners"])).toEqual(QUIET);
    await leaveGroup(world, "golf", "gus");
    expect(await visit("gus")).toEqual(QUIET); // a spawn only gives
    expect(await visit("gus", ["Golfers", "hockey", "by-hand", "gus"])).toMatchObject({ writes: 1 });
    expect(await teamsOf(world, "gus")).toEqual(["by-hand", "gus", "hockey"]);
    expect(await visit("gus", ["golfers"])).toEqual(QUIET);
  });

  it("takes a leaver out of all managed teams of the plan, and blocks them", async () => {
    await people("ian");
    await addGroup(world, "icemen", ["ian", "hal"]);
    const { visit, depart } = granting({ icemen: { team: "icemen", permission: "write" } });
    await visit("ian");
    const directoryId = (await teamNamed(world, "ian")).description.split(": ")[1] ?? "";
    await removePerson(world, "ian");
    expect(await depart("ian", directoryId, ["icemen"])).toMatchObject({ writes: expect.any(Number) });
    expect(await teamsOf(world, "ian")).toEqual(["ian", "leavers"]);
    expect(await accountOf(world, "ian")).toMatchObject({ prohibit_login: true });
    expect(await depart("ian", directoryId, ["icemen"])).toEqual(QUIET);
  });
});

describe("somebody who would leave, but not now", () => {
  it("is back before the second look: a team that no setting names any more stays theirs", async () => {
    await people("una");
    await addGroup(world, "umbra", ["una"]);
    await granting({ umbra: { team: "umbra", permission: "read" } }).visit("una");
    const directoryId = (await teamNamed(world, "una")).description.split(": ")[1] ?? "";
    expect(await granting({}).depart("una", directoryId, ["umbra"])).toEqual(QUIET);
    expect(await teamsOf(world, "una")).toEqual(["umbra", "una"]);
    await removePerson(world, "una");
    await granting({}).depart("una", directoryId, ["umbra"]);
    expect(await teamsOf(world, "una")).toEqual(["leavers", "una"]);
  });

  it("was made a site admin meanwhile: neither blocked nor out of a team", async () => {
    await people("sam");
    await addGroup(world, "sail", ["sam"]);
    const { visit, depart } = granting({ sail: { team: "sailors", permission: "read" } });
    await visit("sam");
    const directoryId = (await teamNamed(world, "sam")).description.split(": ")[1] ?? "";
    await removePerson(world, "sam");
    await changeAccount(world, "sam", { admin: true });
    expect(await depart("sam", directoryId, ["sailors"])).toMatchObject({ writes: 0 });
    expect(await teamsOf(world, "sam")).toEqual(["sailors", "sam"]);
  });
});

describe("admins of the platform", () => {
  it("are in a team that has every repository, are kept there by the directory, and leave it by the plan", async () => {
    await people("kay");
    const { visit } = granting({}, { LDAP_ADMIN_USERS: "kay, ilumadmin" });
    await visit("kay");
    expect(await teamNamed(world, "admins")).toMatchObject({ permission: "admin", includes_all_repositories: true });
    expect(await visit("kay", ["admins"])).toEqual(QUIET);
    expect(await teamsOf(world, "kay")).toEqual(["admins", "kay"]);
    expect(await granting({}).visit("kay")).toEqual(QUIET);
    expect(await granting({}).visit("kay", ["admins"])).toMatchObject({ writes: 1 });
    expect(await teamsOf(world, "kay")).toEqual(["kay"]);
  });

  it("get the team's rights back when somebody took them", async () => {
    const { id } = await teamNamed(world, "admins");
    const lowered = {
      name: "admins",
      permission: "read",
      units_map: { "repo.code": "read" },
      includes_all_repositories: false,
    };
    await world.view.send("PATCH", `/teams/${id}`, lowered);
    await granting({}, { LDAP_ADMIN_USERS: "kay" }).visit("kay");
    expect(await teamNamed(world, "admins")).toMatchObject({ permission: "admin", includes_all_repositories: true });
  });
});
