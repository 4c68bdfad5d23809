import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accountOf, changeAccount, makeAccount, makeTeam, membersOf, signIn, teamNamed } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { deliver, lettersOf, NOTHING_TO_DO, outcomes, summary, under, walkTo } from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { addPerson, setAttribute } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const spawn = async (user: string) => summary(await world.pass(spawnOf(user)));
const letters = (user: string) => lettersOf(world.letters(), user);
const _reasonFor = (user: string) => world.letters().find(({ envelope }) => envelope?.delivery.user === user)?.reason;
/** As the platform's operator, or an admin, links an account to LDAP. */
const linked = (uid: string) => ({ source_id: world.gitea.sourceId, login_name: uid });

describe("an account that is there already is theirs", () => {
  it("when a sign-in with the LDAP password made it", async () => {
    await addPerson(world, { uid: "sam" });
    expect(await signIn(world, "sam", "sam-password")).toBe(200);
    const before = await accountOf(world, "sam");
    expect(await spawn("sam")).toMatchObject({
      outcomes: ["identity.unchanged", "account.updated", "team.created", "repository.created", "templates.created"],
    });
    expect(await accountOf(world, "sam")).toMatchObject({ id: before?.id, full_name: "Person sam" });
    expect(await signIn(world, "sam", "sam-password")).toBe(200);
    expect(await spawn("sam")).toEqual(NOTHING_TO_DO);
  });

  it("when that sign-in was typed in another case: the name typed stays", async () => {
    await addPerson(world, { uid: "Grace.Mixed", mail: "Grace@Uni.Example" });
    expect(await signIn(world, "grace.mixed", "Grace.Mixed-password")).toBe(200);
    await spawn("Grace.Mixed");
    expect(letters("Grace.Mixed")).toEqual([]);
    expect((await accountOf(world, "grace.mixed"))?.login_name).toBe("grace.mixed");
    expect(await spawn("grace.mixed")).toEqual(NOTHING_TO_DO);
  });

  it("when it had no mail: the address that Gitea made up gives way", async () => {
    await addPerson(world, { uid: "max", mail: null });
    await signIn(world, "max", "max-password");
    expect((await accountOf(world, "max"))?.email).toBe("max@localhost.local");
    await setAttribute(world, "max", "mail", "max@uni.example");
    await spawn("max");
    expect((await accountOf(world, "max"))?.email).toBe("max@uni.example");
  });

  it("when an admin linked it and left a password to change, which Gitea does not show", async () => {
    await addPerson(world, { uid: "paul" });
    const asInLdap = { full_name: "Person paul", email: "paul@uni.example" };
    await makeAccount(world, "paul", { ...linked("paul"), ...asInLdap, must_change_password: true });
    expect(await signIn(world, "paul", "paul-password")).toBe(403);
    await spawn("paul");
    expect(await signIn(world, "paul", "paul-password")).toBe(200);
    expect(await spawn("paul")).toEqual(NOTHING_TO_DO);
  });

  it.runIf(IS_STAND_IN)("when their sign-in makes it between our question and our try to make it", async () => {
    await addPerson(world, { uid: "rush" });
    const envelope = await walkTo(world, "account", spawnOf("rush"));
    await signIn(world, "rush", "rush-password");
    const absent = { status: 404, body: { message: "user redirect does not exist", url: "" } };
    world.gitea.faults.add({ method: "GET", path: "/users/rush", ...absent });
    const { lines } = await deliver(world, "account", envelope);
    expect(outcomes(lines)).toEqual(["account.updated"]);
    await world.drain();
    expect(await spawn("rush")).toEqual(NOTHING_TO_DO);
  });

  it("with the team that the platform's operator made: adopted, marked, and the repository goes on", async () => {
    await addPerson(world, { uid: "opal" });
    await signIn(world, "opal", "opal-password");
    const teamId = await makeTeam(world, "opal", ["opal"]);
    const repository = { name: "jupyterhub-opal", private: true, auto_init: true, default_branch: "main" };
    await world.view.send("POST", "/orgs/ilum-jupyterhub/repos", repository);
    await world.view.send("PUT", `/teams/${teamId}/repos/ilum-jupyterhub/jupyterhub-opal`);
    expect((await spawn("opal")).outcomes).toEqual([
      "identity.unchanged",
      "account.updated",
      "team.updated",
      "repository.updated",
      "templates.unchanged",
    ]);
    expect(await teamNamed(world, "opal")).toMatchObject({
      id: teamId,
      description: expect.stringMatching(/^Managed by hubforge\. Directory id: [0-9a-f-]{36}$/),
    });
    expect(await membersOf(world, "opal")).toEqual(["opal"]);
    expect(await spawn("opal")).toEqual(NOTHING_TO_DO);
  });
});

describe("people of the platform whom hubforge does not touch", () => {
  it("leaves a linked site admin as he is, with team and repository like everybody", async () => {
    await signIn(world, "ilumadmin", "ilumadmin-password");
    await changeAccount(world, "ilumadmin", { admin: true, full_name: "Root of All" });
    expect((await spawn("ilumadmin")).outcomes).toEqual([
      "identity.unchanged",
      "account.unchanged",
      "team.created",
      "repository.created",
      "templates.created",
    ]);
    expect(await accountOf(world, "ilumadmin")).toMatchObject({ full_name: "Root of All", is_admin: true });
    expect(await spawn("ilumadmin")).toEqual(NOTHING_TO_DO);
  });

  it("leaves a local site admin alone", async () => {
    await addPerson(world, { uid: "boss" });
    await makeAccount(world, "boss");
    await changeAccount(world, "boss", { admin: true });
    await spawn("boss");
    expect(letters("boss")).toEqual(["account permanent account.taken"]);
  });

  it("leaves its own account and PROTECTED_USERS alone, by any of their names", async () => {
    await addPerson(world, { uid: world.gitea.username });
    await addPerson(world, { uid: ["root2", "root.alias"] });
    const guarded = under(world, { PROTECTED_USERS: "Root.Alias, nobody" });
    for (const user of [world.gitea.username, "root2", "root.alias"]) {
      await guarded.pass(spawnOf(user));
      expect(letters(user)).toEqual(["account permanent person.protected"]);
    }
    expect(await accountOf(world, "root2")).toBeNull();
  });
});
