import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accountName } from "#shared/names.ts";
import {
  accountOf,
  makeAccount,
  makeTeam,
  membersOf,
  signIn,
  teamNamed,
  teamsNamed,
  teamsOf,
} from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import {
  deliver,
  discard,
  lettersOf,
  NOTHING_TO_DO,
  outcomes,
  retryOf,
  summary,
  under,
  walkTo,
} from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { addPerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

/** The part of a spawn that ends with the team. */
const visitOf = (user: string) => spawnOf(user, { route: "refresh" });
const visit = async (user: string) => summary(await world.pass(visitOf(user)));
const QUIET = { outcomes: NOTHING_TO_DO.outcomes.slice(0, 3), writes: 0 };

const letters = (user: string) => lettersOf(world.letters(), user);
const reasonFor = (user: string) => world.letters().find(({ envelope }) => envelope?.delivery.user === user)?.reason;

async function arrive(uid: string): Promise<void> {
  await addPerson(world, { uid });
  expect(await visit(uid)).toMatchObject({ outcomes: expect.arrayContaining(["team.created"]) });
}

describe("the organisation", () => {
  it("is made where it is missing: private, and its repositories' admins add no teams", async () => {
    expect(await world.view.get("/orgs/ilum-jupyterhub")).toBeNull();
    await arrive("first");
    expect(await world.view.get("/orgs/ilum-jupyterhub")).toMatchObject({
      visibility: "private",
      repo_admin_change_team_access: false,
    });
  });

  it("is never kept from everybody by a person who has its name and comes first", async () => {
    await addPerson(world, { uid: "chess-club" });
    await addPerson(world, { uid: "zeroth" });
    const { pass } = under(world, { GITEA_ORG: "chess-club" });
    for (const uid of ["chess-club", "zeroth"]) {
      expect(summary(await pass(visitOf(uid))).outcomes).toContain("team.created");
    }
    const name = accountName("chess-club", ["chess-club"]);
    expect(await accountOf(world, name)).toMatchObject({ login_name: "chess-club" });
    expect(summary(await pass(visitOf("chess-club")))).toEqual(QUIET);
  });

  it("is never changed once it is there", async () => {
    await world.view.send("PATCH", "/orgs/ilum-jupyterhub", { description: "Notebooks", visibility: "limited" });
    await arrive("second");
    expect(await world.view.get("/orgs/ilum-jupyterhub")).toMatchObject({
      visibility: "limited",
      description: "Notebooks",
    });
  });

  it("is made anew by a warm function, too, when somebody has deleted it", async () => {
    const warm = under(world, { GITEA_ORG: "short-lived" });
    await addPerson(world, { uid: "early" });
    await addPerson(world, { uid: "late" });
    await warm.pass(visitOf("early"));
    expect(await world.view.send("DELETE", "/orgs/short-lived")).toBe(204);
    const { lines, again } = await deliver(
      world,
      "team",
      await walkTo(world, "team", visitOf("late"), warm.handlers),
      warm.handlers,
    );
    expect(retryOf(lines)?.code).toBe("organisation.gone");
    expect(outcomes((await again()).lines)).toEqual(["team.created"]);
    expect(await world.view.get("/orgs/short-lived")).toMatchObject({ visibility: "private" });
  });

  it("cannot have a person's name, or one that it has no more: both are letters", async () => {
    await makeAccount(world, "a-person");
    await addPerson(world, { uid: "third" });
    await under(world, { GITEA_ORG: "a-person" }).pass(visitOf("third"));
    expect(letters("third")).toEqual(["team permanent organisation.taken"]);

    await world.view.send("POST", "/orgs", { username: "old-org", visibility: "private" });
    await world.view.send("POST", "/orgs/old-org/rename", { new_name: "new-org" });
    await addPerson(world, { uid: "fourth" });
    await under(world, { GITEA_ORG: "old-org" }).pass(visitOf("fourth"));
    expect(letters("fourth")).toEqual(["account permanent gitea.moved"]);
  });

  it.runIf(IS_STAND_IN)("that is hidden from hubforge's account is loud, and costs nobody an event", async () => {
    await addPerson(world, { uid: "fifth" });
    const envelope = await walkTo(world, "team", spawnOf("fifth"));
    const hidden = { status: 404, body: { message: "HasOrgOrUserVisible", errors: [], url: "" } };
    world.gitea.faults.add({ method: "GET", path: "/orgs/hidden-org", ...hidden });
    const { handlers } = under(world, { GITEA_ORG: "hidden-org" });
    const { lines, again } = await deliver(world, "team", envelope, handlers);
    expect(retryOf(lines)).toMatchObject({ code: "gitea.unauthorized", reason: expect.stringContaining("hidden") });
    world.gitea.faults.clear();
    expect((await again()).isDone).toBe(true);
    await discard(world, "repository");
  });
});

describe("a person's own team", () => {
  it("holds her alone, may write, is marked, and is not touched again", async () => {
    await arrive("alma");
    expect(await membersOf(world, "alma")).toEqual(["alma"]);
    expect(await teamNamed(world, "alma")).toMatchObject({
      description: expect.stringMatching(/^Managed by hubforge\. Directory id: [0-9a-f-]{36}$/),
      permission: "none",
      includes_all_repositories: false,
      units_map: { "repo.code": "write", "repo.issues": "write" },
    });
    expect(await visit("alma")).toEqual(QUIET);
  });

  it("gets back the rights and the member that somebody took", async () => {
    await arrive("bert");
    const { id, description } = await teamNamed(world, "bert");
    const raised = { name: "bert", permission: "admin", includes_all_repositories: true };
    await world.view.send("PATCH", `/teams/${id}`, raised);
    expect((await visit("bert")).outcomes).toEqual(QUIET.outcomes.with(2, "team.updated"));
    expect(await teamNamed(world, "bert")).toMatchObject({ includes_all_repositories: false, permission: "none" });

    await world.view.send("DELETE", `/teams/${id}/members/bert`);
    expect((await visit("bert")).outcomes).toContain("team.updated");
    expect(await membersOf(world, "bert")).toEqual(["bert"]);
    expect(await teamNamed(world, "bert")).toMatchObject({ id, description });
    expect(await visit("bert")).toEqual(QUIET);
  });

  it("never has everybody's repositories, whoever switched that on", async () => {
    await arrive("cleo");
    const { id, units_map } = await teamNamed(world, "cleo");
    const change = { name: "cleo", permission: "write", units_map, includes_all_repositories: true };
    await world.view.send("PATCH", `/teams/${id}`, change);
    await visit("cleo");
    expect((await teamNamed(world, "cleo")).includes_all_repositories).toBe(false);
  });

  it("keeps the name that an owner gives it, and whom they put into it, as long as it is plain whose it is", async () => {
    await arrive("dina");
    const { id } = await teamNamed(world, "dina");
    await world.view.send("PATCH", `/teams/${id}`, { name: "dina-renamed" });
    expect(await visit("dina")).toEqual(QUIET);
    expect(await teamsNamed(world, "dina")).toEqual([]);
    await makeAccount(world, "helper");
    await world.view.send("PUT", `/teams/${id}/members/helper`);
    await visit("dina");
    expect(letters("dina")).toEqual(["account permanent team.ambiguous"]);
    await world.view.send("PATCH", `/teams/${id}`, { name: "dina" });
    expect(await visit("dina")).toEqual(QUIET);
    expect(await membersOf(world, "dina")).toEqual(["dina", "helper"]);
  });

  it("is none of Gitea's traps and none of hubforge's own teams", async () => {
    for (const uid of ["owners", "new", "leavers", "admins", "datasci"]) {
      await addPerson(world, { uid });
      const groups = { "cn=datasci,ou=groups,dc=uni,dc=example": { team: "DataSci", permission: "read" } };
      await under(world, { GROUP_TEAMS: JSON.stringify(groups) }).pass(visitOf(uid));
      expect([uid, letters(uid)]).toEqual([uid, []]);
      const [team = "", ...others] = await teamsOf(world, uid);
      expect([team, others]).toEqual([expect.stringMatching(new RegExp(`^${uid}-h[0-9a-f]{12}$`)), []]);
    }
  });
});

describe("a team of the person's name", () => {
  it("is somebody else's when it has a mark, other members, or does not write", async () => {
    const cases = [
      { uid: "ella", team: { members: [], description: "Chess players" }, why: 'described as "Chess players"' },
      { uid: "finn", team: { members: ["finn", "helper"] }, why: "it holds helper as well" },
      {
        uid: "gina",
        team: { members: ["gina"], units_map: { "repo.code": "read" } },
        why: "does not have write access",
      },
      { uid: "hugo", team: { members: ["hugo"], includes_all_repositories: true }, why: "does not have write access" },
    ];
    for (const { uid, team, why } of cases) {
      const { members, ...change } = team;
      await addPerson(world, { uid });
      await signIn(world, uid, `${uid}-password`);
      await makeTeam(world, uid, members, change);
      const before = await teamNamed(world, uid);
      await visit(uid);
      expect([uid, letters(uid)]).toEqual([uid, ["team permanent team.taken"]]);
      expect(reasonFor(uid)).toContain(why);
      expect(await teamNamed(world, uid)).toEqual(before);
    }
  });

  it("marked for another directory id is never shared", async () => {
    await arrive("iris");
    const { description } = await teamNamed(world, "iris");
    await addPerson(world, { uid: "jill" });
    await makeTeam(world, "jill", [], { description });
    await visit("jill");
    expect(letters("jill")).toEqual(["team permanent team.taken"]);
  });

  it("that was a group's, and is not in GROUP_TEAMS any more, stays the group's", async () => {
    await addPerson(world, { uid: "otto" });
    await signIn(world, "otto", "otto-password");
    const description = "Managed by hubforge. Group id: 1 DN: cn=otto,ou=groups,dc=uni,dc=example";
    await makeTeam(world, "otto", ["otto"], { description });
    await visit("otto");
    expect(letters("otto")).toEqual(["team permanent team.taken"]);
    expect((await teamNamed(world, "otto")).description).toBe(description);
  });

  it("that an answer was lost for is found again, with its member", async () => {
    await addPerson(world, { uid: "kurt" });
    const envelope = await walkTo(world, "team", spawnOf("kurt"));
    if (IS_STAND_IN) world.gitea.faults.add({ method: "POST", path: "/teams", drop: "after" });
    const lost = await deliver(world, "team", envelope);
    expect(lost.isDone).toBe(!IS_STAND_IN);
    const { lines } = await lost.again();
    expect(outcomes(lines)).toEqual(["team.updated"]);
    expect(await teamsNamed(world, "kurt")).toHaveLength(1);
    expect(await membersOf(world, "kurt")).toEqual(["kurt"]);
    await world.drain();
  });
});
