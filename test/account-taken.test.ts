import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accountOf, makeAccount, signIn, teamNamed } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { deliver, lettersOf, NOTHING_TO_DO, outcomes, retryOf, summary, under, walkTo } from "./support/journeys.ts";
import { addPerson, removePerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const spawn = async (user: string) => summary(await world.pass(spawnOf(user)));
const letters = (user: string) => lettersOf(world.letters(), user);
const reasonFor = (user: string) => world.letters().find(({ envelope }) => envelope?.delivery.user === user)?.reason;
/** As the platform's operator, or an admin, links an account to LDAP. */
const linked = (uid: string) => ({ source_id: world.gitea.sourceId, login_name: uid });

describe("an account of that name is somebody else's", () => {
  it("when it is a local one", async () => {
    await addPerson(world, { uid: "loc" });
    await makeAccount(world, "loc");
    await spawn("loc");
    expect(letters("loc")).toEqual(["account permanent account.taken"]);
    expect(reasonFor("loc")).toMatch(/it is a local account.*hubforge accounts link loc/);
    expect(await accountOf(world, "loc")).toMatchObject({ source_id: 0, full_name: "" });
  });

  it("when an organisation has the name", async () => {
    await addPerson(world, { uid: "chess" });
    await world.view.send("POST", "/orgs", { username: "Chess" });
    await spawn("chess");
    expect(letters("chess")).toEqual(["account permanent account.taken"]);
    expect(reasonFor("chess")).toContain("an organisation has that name");
  });

  it("when it signs in as another uid", async () => {
    await addPerson(world, { uid: "tess" });
    await makeAccount(world, "tess", linked("somebody"));
    await spawn("tess");
    expect(letters("tess")).toEqual(["account permanent account.taken"]);
    expect(reasonFor("tess")).toContain('it signs in as "somebody"');
    expect((await accountOf(world, "tess"))?.login_name).toBe("somebody");
  });

  it("when it belongs to another authentication source", async () => {
    await addPerson(world, { uid: "vera" });
    await signIn(world, "vera", "vera-password");
    await under(world, { GITEA_AUTH_SOURCE_ID: "7" }).pass(spawnOf("vera"));
    expect(letters("vera")).toEqual(["account permanent account.taken"]);
    expect(reasonFor("vera")).toContain(`it belongs to authentication source ${world.gitea.sourceId}`);
  });

  it("when it is older than the person's entry, unless the directory begins anew at every start", async () => {
    const inAMinute = new Date(Date.now() + 60_000);
    await addPerson(world, { uid: "yuri", createdAt: inAMinute });
    await signIn(world, "yuri", "yuri-password");
    await spawn("yuri");
    expect(letters("yuri")).toEqual(["account permanent account.unproven"]);
    await under(world, { LDAP_ID_ATTRIBUTE: "uid" }).pass(spawnOf("yuri"));
    expect(letters("yuri")).toHaveLength(1);
    expect((await teamNamed(world, "yuri")).description).toBe("Managed by hubforge. Directory id: yuri");
  });
});

describe("an account that is written down for another directory id", () => {
  it("makes the newcomer wait, and goes on when ops have decided on a rebind", async () => {
    await addPerson(world, { uid: "zoe" });
    await spawn("zoe");
    const from = (await teamNamed(world, "zoe")).description.split(": ")[1] ?? "";
    await removePerson(world, "zoe");
    await addPerson(world, { uid: "zoe" });

    const waiting = await deliver(world, "account", await walkTo(world, "account", spawnOf("zoe")));
    expect(retryOf(waiting.lines)).toMatchObject({ code: "identity.other-id", reason: expect.stringContaining(from) });
    expect((await waiting.again()).isDone).toBe(false);

    const to = world.envelopesIn("account")[0]?.directoryId ?? "";
    const rebind = { route: "refresh", directoryId: to, rebind: { from, to } } as const;
    const rebound = await world.pass(spawnOf("zoe", rebind));
    expect(outcomes(rebound)).toEqual(["identity.unchanged", "account.unchanged", "team.updated"]);
    expect((await teamNamed(world, "zoe")).description).toBe(`Managed by hubforge. Directory id: ${to}`);
    expect(summary(await world.pass(spawnOf("zoe", rebind)))).toEqual({
      outcomes: ["identity.unchanged", "account.unchanged", "team.unchanged"],
      writes: 0,
    });
    expect((await waiting.again()).isDone).toBe(true);
    await world.drain();
    expect(letters("zoe")).toEqual([]);
  });

  it("is recognised under the team's former name, too", async () => {
    await addPerson(world, { uid: "wim" });
    await under(world, { GITEA_TEAM: "team-{username}" }).pass(spawnOf("wim"));
    await removePerson(world, "wim");
    await addPerson(world, { uid: "wim" });
    const { lines, drop } = await deliver(world, "account", await walkTo(world, "account", spawnOf("wim")));
    await drop();
    expect(retryOf(lines)?.code).toBe("identity.other-id");
  });

  it("is not, where that team holds somebody else as well: which of the two it was made for is no longer plain", async () => {
    await addPerson(world, { uid: "wes" });
    await under(world, { GITEA_TEAM: "team-{username}" }).pass(spawnOf("wes"));
    const { id, description } = await teamNamed(world, "team-wes");
    await makeAccount(world, "helper");
    await world.view.send("PUT", `/teams/${id}/members/helper`);
    await removePerson(world, "wes");
    await addPerson(world, { uid: "wes", createdAt: new Date(Date.now() + 3_600_000) });
    await spawn("wes");
    expect(letters("wes")).toEqual(["account permanent account.unproven"]);
    expect(await teamNamed(world, "team-wes")).toMatchObject({ id, description });
  });

  it("is not taken over by whom an owner has put into that person's team", async () => {
    await addPerson(world, { uid: "eve" });
    await addPerson(world, { uid: "mallory" });
    await spawn("eve");
    await spawn("mallory");
    const { id } = await teamNamed(world, "eve");
    await world.view.send("PUT", `/teams/${id}/members/mallory`);
    expect(await spawn("mallory")).toEqual(NOTHING_TO_DO);
    expect(await spawn("eve")).toEqual(NOTHING_TO_DO);
  });
});
