import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Envelope } from "#shared/envelope.ts";
import { accountOf, changeAccount, makeAccount, membersOf, signIn, teamNamed, teamsOf } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { deliver, lettersOf, NOTHING_TO_DO, outcomes, summary, walkTo } from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { addPerson, removePerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const spawn = async (user: string) => summary(await world.pass(spawnOf(user)));
const letters = (user: string) => lettersOf(world.letters(), user);

/** Somebody with account, team and repository; returns what the sync knows them by. */
async function settled(uid: string): Promise<Pick<Envelope, "directoryId">> {
  await addPerson(world, { uid });
  await spawn(uid);
  return { directoryId: (await teamNamed(world, uid)).description.split(": ")[1] ?? "" };
}
const depart = async (user: string, person: Pick<Envelope, "directoryId">) =>
  summary(await world.pass(spawnOf(user, { route: "depart", ...person })));
const refresh = async (user: string, person: Pick<Envelope, "directoryId">) =>
  summary(await world.pass(spawnOf(user, { route: "refresh", ...person })));

const DEPARTED = { outcomes: ["identity.unchanged", "account.updated", "team.unchanged"] };
const QUIET = { outcomes: ["identity.unchanged", "account.unchanged", "team.unchanged"], writes: 0 };

describe("a leaver", () => {
  it("may not sign in any more, is in the team leavers, and keeps team and code", async () => {
    const lia = await settled("lia");
    await removePerson(world, "lia");
    expect(await depart("lia", lia)).toMatchObject(DEPARTED);
    expect(await accountOf(world, "lia")).toMatchObject({ prohibit_login: true, active: true });
    expect(await teamsOf(world, "lia")).toEqual(["leavers", "lia"]);
    expect(await world.view.get("/repos/ilum-jupyterhub/jupyterhub-lia")).toMatchObject({ empty: false });
    expect(await depart("lia", lia)).toEqual(QUIET);
  });

  it("who is back signs in again after the next spawn", async () => {
    const tom = await settled("tom");
    await removePerson(world, "tom");
    await depart("tom", tom);
    await addPerson(world, { uid: "tom", directoryId: tom.directoryId });
    expect(await signIn(world, "tom", "tom-password")).toBe(401);
    expect((await spawn("tom")).outcomes).toEqual(NOTHING_TO_DO.outcomes.with(1, "account.updated"));
    expect(await signIn(world, "tom", "tom-password")).toBe(200);
    expect(await teamsOf(world, "tom")).toEqual(["tom"]);
    expect(await spawn("tom")).toEqual(NOTHING_TO_DO);
  });

  it("who is back signs in again after the sync, and a late depart does not block them", async () => {
    const uma = await settled("uma");
    await removePerson(world, "uma");
    await depart("uma", uma);
    await addPerson(world, { uid: "uma", directoryId: uma.directoryId });
    expect((await depart("uma", uma)).outcomes).toEqual(DEPARTED.outcomes);
    expect(await accountOf(world, "uma")).toMatchObject({ prohibit_login: false });
    expect(await refresh("uma", uma)).toEqual(QUIET);
  });

  it("without an account of ours is nobody's business", async () => {
    await makeAccount(world, "stranger");
    expect(await depart("stranger", { directoryId: "11111111-1111-1111-1111-111111111111" })).toEqual(QUIET);
    expect(await accountOf(world, "stranger")).toMatchObject({ prohibit_login: false });
  });

  it("who is a site admin is never blocked", async () => {
    const rex = await settled("rex");
    await changeAccount(world, "rex", { admin: true });
    await removePerson(world, "rex");
    expect(await depart("rex", rex)).toEqual(QUIET);
    expect(await accountOf(world, "rex")).toMatchObject({ prohibit_login: false });
    expect(await membersOf(world, "leavers")).not.toContain("rex");
  });
});

describe.runIf(IS_STAND_IN)("a crash between the two steps", () => {
  const afterFirstWrite = { method: "PATCH", path: "/admin/users/", drop: "before" } as const;

  it("of a block leaves a note without a block: the next try blocks", async () => {
    const vic = await settled("vic");
    await removePerson(world, "vic");
    world.gitea.faults.add(afterFirstWrite);
    const envelope = await walkTo(world, "account", spawnOf("vic", { route: "depart", ...vic }));
    const half = await deliver(world, "account", envelope);
    expect(half.isDone).toBe(false);
    expect(await teamsOf(world, "vic")).toEqual(["leavers", "vic"]);
    expect((await half.again()).isDone).toBe(true);
    expect(await accountOf(world, "vic")).toMatchObject({ prohibit_login: true });
    await world.drain();
  });

  it("of a block leaves a note only, when they are back before the next try: the spawn takes it away", async () => {
    await settled("wes");
    const { id } = await teamNamed(world, "leavers");
    await world.view.send("PUT", `/teams/${id}/members/wes`);
    expect((await spawn("wes")).outcomes).toEqual(NOTHING_TO_DO.outcomes.with(1, "account.updated"));
    expect(await teamsOf(world, "wes")).toEqual(["wes"]);
    expect(await spawn("wes")).toEqual(NOTHING_TO_DO);
  });

  it("of an unblock leaves somebody who may sign in: the next spawn takes the note away", async () => {
    const xia = await settled("xia");
    await removePerson(world, "xia");
    await depart("xia", xia);
    await addPerson(world, { uid: "xia", directoryId: xia.directoryId });
    world.gitea.faults.add({ method: "DELETE", path: "/members/xia", drop: "before" });
    const half = await deliver(world, "account", await walkTo(world, "account", spawnOf("xia")));
    expect(half.isDone).toBe(false);
    expect(await accountOf(world, "xia")).toMatchObject({ prohibit_login: false });
    expect(await teamsOf(world, "xia")).toEqual(["leavers", "xia"]);
    const { lines } = await half.again();
    expect(outcomes(lines)).toEqual(["account.updated"]);
    expect(await teamsOf(world, "xia")).toEqual(["xia"]);
    await world.drain();
  });
});

describe("a ban by hand", () => {
  it("is never lifted: a spawn ends as a letter, a refresh and a depart leave it", async () => {
    const una = await settled("una");
    await changeAccount(world, "una", { prohibit_login: true });
    await spawn("una");
    expect(letters("una")).toEqual(["account permanent account.blocked"]);
    expect(await refresh("una", una)).toEqual(QUIET);
    await removePerson(world, "una");
    expect(await depart("una", una)).toEqual(QUIET);
    expect(await accountOf(world, "una")).toMatchObject({ prohibit_login: true });
    expect(await teamsOf(world, "una")).toEqual(["una"]);
  });

  it("may also be an account that is not active, which nobody could share with", async () => {
    await settled("ivo");
    await changeAccount(world, "ivo", { active: false });
    await spawn("ivo");
    expect(letters("ivo")).toEqual(["account permanent account.blocked"]);
    expect(await accountOf(world, "ivo")).toMatchObject({ active: false });
  });

  it("of a site admin is an admin's matter", async () => {
    await settled("joy");
    await changeAccount(world, "joy", { admin: true, prohibit_login: true });
    await spawn("joy");
    expect(letters("joy")).toEqual(["account permanent account.blocked"]);
  });
});
