import { afterEach, describe, expect, it } from "vitest";
import { groupDn, leaveGroup, setAttribute } from "./support/people.ts";
import { personState } from "./support/person-state.ts";
import { newGroup } from "./support/slapd.ts";
import { enrol, eventsOf, settle, startSyncWorld, sync, syncAndSettle } from "./support/sync.ts";
import type { World } from "./support/world.ts";

const ALLOWED = { LDAP_ALLOWED_GROUPS: JSON.stringify([groupDn("jupyterhub")]) };
const TEAMS = {
  GROUP_TEAMS: JSON.stringify({ [groupDn("datasci")]: { team: "datasci", permission: "write" } }),
};
const HIDE_MEMBERS = "access to attrs=member by * none";
const hidden = (group: string) => `access to dn.exact="${groupDn(group)}" attrs=member by * none`;

let world: World;
afterEach(() => world.stop());

/** An administrator changes the access rules: the server answers as before, only with less. */
async function loseRights(rule: string): Promise<void> {
  await world.slapd.stop();
  await world.startSlapdAgain(rule);
}

const isBlocked = async (name: string) => (await personState(world, name)).user?.prohibit_login;
const teamsOf = async (name: string) => (await personState(world, name)).teams.map((team) => team.name).toSorted();

describe("the right to read who is in the groups, lost", () => {
  it.each([
    ["of those who may come in", ALLOWED, HIDE_MEMBERS],
    ["of those who may come in, where other groups show theirs", ALLOWED, hidden("jupyterhub")],
    ["whose teams follow", TEAMS, HIDE_MEMBERS],
    ["whose teams follow, where they may still be searched", TEAMS, "access to attrs=member by * search"],
    ["of both", { ...ALLOWED, ...TEAMS }, HIDE_MEMBERS],
  ])("takes nothing from anybody, and nobody can confirm it: groups %s", async (_, settings, rule) => {
    world = await startSyncWorld(settings);
    await enrol(world, "ada", "bob");
    const before = await teamsOf("ada");
    await loseRights(rule);
    const { answer, lines, sent } = await syncAndSettle(world);
    expect(sent).toEqual([]);
    expect(eventsOf(lines, "sync.held-back")).toMatchObject([
      { reason: expect.stringMatching(/^directory\.attribute-hidden: .*may .* read/) },
    ]);
    const confirmed = await syncAndSettle(world, { confirm: answer.hash });
    expect(confirmed.answer.refusal).toContain("proves nothing");
    expect(confirmed.sent).toEqual([]);
    expect([await isBlocked("ada"), await teamsOf("ada")]).toEqual([false, before]);
  });

  it("proves nothing at the second look either", async () => {
    world = await startSyncWorld(ALLOWED);
    await enrol(world, "ada", "bob");
    await leaveGroup(world, "jupyterhub", "ada");
    expect((await sync(world)).sent.map(({ route }) => route)).toEqual(["depart"]);
    await loseRights(HIDE_MEMBERS);
    const stages = await settle(world);
    expect(eventsOf(stages, "stage.retried")).toMatchObject([{ code: "directory.attribute-hidden", person: "ada" }]);
    expect(await isBlocked("ada")).toBe(false);
  });

  it("of one group alone asks a human, who can tell an emptied group from a hidden one", async () => {
    world = await startSyncWorld({ ...TEAMS, ...ALLOWED });
    await enrol(world, "ada", "bob");
    await loseRights(hidden("datasci"));
    const { answer, lines, sent } = await sync(world);
    expect(sent).toEqual([]);
    expect(eventsOf(lines, "sync.held-back")).toMatchObject([{ reason: expect.stringMatching(/^group\.silent: /) }]);
    await syncAndSettle(world, { confirm: answer.hash });
    expect(await teamsOf("ada")).toEqual(["ada"]);
  });
});

describe("the right to read names, lost, or LDAP_FULLNAME_ATTRIBUTE misspelt", () => {
  it("changes nobody's name, also where somebody is sent for another reason, and takes nothing", async () => {
    const settings = { ...TEAMS, LDAP_FULLNAME_ATTRIBUTE: "displayName" };
    world = await startSyncWorld(settings);
    await setAttribute(world, "ada", "displayName", "Ada Lovelace");
    await setAttribute(world, "bob", "displayName", "Bob");
    await enrol(world, "ada", "dan");
    await setAttribute(world, "ada", "displayName");
    await setAttribute(world, "bob", "displayName");
    await world.slapd.modify(
      `dn: ${groupDn("datasci")}\nchangetype: modify\nadd: member\nmember: uid=dan,ou=people,dc=uni,dc=example\n`,
    );
    await leaveGroup(world, "datasci", "ada");
    await setAttribute(world, "ada", "mail", "ada.byron@uni.example");
    const { lines, sent } = await syncAndSettle(world);
    expect(sent.map(({ delivery, leave }) => [delivery.user, leave])).toEqual([
      ["ada", []],
      ["dan", []],
    ]);
    expect(eventsOf(lines, "sync.held-back")).toMatchObject([
      {
        reason: expect.stringContaining(
          "nobody in the directory has a full name, but 1 accounts of its source have one",
        ),
      },
    ]);
    const { user } = await personState(world, "ada");
    expect(user).toMatchObject({ full_name: "Ada Lovelace", email: "ada.byron@uni.example" });
    expect(await teamsOf("dan")).toEqual(["dan", "datasci"]);
  });
});

describe("a list of groups that the server breaks off", () => {
  it("lets names and mails follow, makes and takes nothing, and lets nobody seem outside the allowed groups", async () => {
    world = await startSyncWorld({ ...TEAMS, ...ALLOWED, SYNC_CREATE: "allowed" });
    await enrol(world, "ada");
    const before = await teamsOf("ada");
    await setAttribute(world, "ada", "cn", "Ada Byron");
    const groups = Array.from({ length: 8 }, (_, place) => newGroup(`lab${place}`, "uid=bob,ou=people"));
    await world.slapd.modify(groups.join("\n"));
    const reader = 'limits dn.exact="cn=reader,ou=services,dc=uni,dc=example"';
    await loseRights(`${reader} size.soft=unlimited size.hard=unlimited size.prtotal=8`);
    const { answer, lines, sent } = await syncAndSettle(world);
    expect(answer.guards.map(({ code }) => code)).toEqual(["ldap.limit"]);
    expect(sent.map(({ route, delivery, leave }) => [route, delivery.user, leave])).toEqual([["refresh", "ada", []]]);
    expect(eventsOf(lines, "sync.finished")).toMatchObject([{ counts: { people: 6, updated: 1, heldBack: 0 } }]);
    expect((await personState(world, "ada")).user).toMatchObject({ full_name: "Ada Byron", prohibit_login: false });
    expect(await teamsOf("ada")).toEqual(before);
  });
});
