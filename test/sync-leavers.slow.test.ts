import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { addGroup, addPerson, groupDn, leaveGroup, lockPerson, removePerson, setAttribute } from "./support/people.ts";
import { personState } from "./support/person-state.ts";
import { identityOf } from "./support/slapd.ts";
import { eventsOf, settle, spawn, startSyncWorld, sync, syncAndSettle, waitingIn } from "./support/sync.ts";
import type { World } from "./support/world.ts";

const GROUP_TEAMS = JSON.stringify({
  [groupDn("datasci")]: { team: "datasci", permission: "write" },
  [groupDn("jupyterhub")]: { team: "hub", permission: "read" },
});

let world: World;
beforeEach(async () => {
  world = await startSyncWorld({ GROUP_TEAMS });
});
afterEach(() => world.stop());

const teamsOf = async (name: string) => (await personState(world, name)).teams.map((team) => team.name).toSorted();
const isBlocked = async (name: string) => (await personState(world, name)).user?.prohibit_login;
const commitsOf = async (name: string) => (await personState(world, name)).commits?.length;

describe("somebody who leaves", () => {
  it("25 loses sign-in and group teams after the second look, keeps code and own team, and gets back what was taken (32)", async () => {
    await spawn(world, "ada", "bob");
    const before = await personState(world, "ada");
    const { directoryId } = await identityOf(world.slapd, "ada");
    await removePerson(world, "ada");

    const { sent } = await sync(world);
    expect(sent.map(({ route, leave }) => ({ route, leave }))).toEqual([
      { route: "depart", leave: ["datasci", "hub"] },
    ]);
    expect(waitingIn(world)).toHaveLength(1);
    expect(await isBlocked("ada")).toBe(false);

    await settle(world);
    expect(await isBlocked("ada")).toBe(true);
    expect(await teamsOf("ada")).toEqual(["ada", "leavers"]);
    expect(await commitsOf("ada")).toBe(1);
    expect((await sync(world)).sent).toEqual([]);

    expect((await personState(world, "ada")).collaborators).toEqual(before.collaborators);

    // The same human: the entry has the id it had.
    await addPerson(world, { uid: "ada", cn: "Ada Lovelace", directoryId });
    for (const group of ["datasci", "jupyterhub"]) {
      await world.slapd.modify(
        `dn: ${groupDn(group)}\nchangetype: modify\nadd: member\nmember: uid=ada,ou=people,dc=uni,dc=example\n`,
      );
    }
    const back = await syncAndSettle(world);
    expect(back.sent.map(({ route }) => route)).toEqual(["refresh"]);
    expect(await personState(world, "ada")).toEqual(before);
    expect((await sync(world)).sent).toEqual([]);
  });

  it("is left alone when they are back before the second look", async () => {
    await spawn(world, "ada");
    await lockPerson(world, "ada");
    await sync(world);
    await setAttribute(world, "ada", "pwdAccountLockedTime");
    await settle(world);
    expect(await isBlocked("ada")).toBe(false);
    expect(await teamsOf("ada")).toEqual(["ada", "datasci", "hub"]);
  });

  it("9 leaves by an administrator's lock, not by a temporary one, and 32 comes back with exactly what was taken", async () => {
    await spawn(world, "ada");
    await setAttribute(world, "ada", "pwdAccountLockedTime", "20261124090000Z");
    expect((await sync(world)).sent).toEqual([]);
    const before = await personState(world, "ada");
    await lockPerson(world, "ada");
    await syncAndSettle(world);
    expect(await isBlocked("ada")).toBe(true);

    await setAttribute(world, "ada", "pwdAccountLockedTime");
    const { sent } = await syncAndSettle(world);
    expect(sent.map(({ route }) => route)).toEqual(["refresh"]);
    expect(await personState(world, "ada")).toEqual(before);
    expect((await sync(world)).sent).toEqual([]);
  });

  it("26 is never unblocked when an admin blocked them", async () => {
    await spawn(world, "ada");
    const link = { login_name: "ada", source_id: world.gitea.sourceId };
    await world.view.send("PATCH", "/admin/users/ada", { ...link, prohibit_login: true });
    expect((await sync(world)).sent).toEqual([]);
    await setAttribute(world, "ada", "cn", "Ada King");
    await syncAndSettle(world);
    expect((await personState(world, "ada")).user).toMatchObject({ full_name: "Ada King", prohibit_login: true });
  });

  it("leaves when they drop out of the allowed groups", async () => {
    const settings = { LDAP_ALLOWED_GROUPS: JSON.stringify([groupDn("jupyterhub")]) };
    await spawn(world, "ada", "bob");
    await leaveGroup(world, "jupyterhub", "ada");
    const { sent } = await sync(world, {}, settings);
    expect(sent.map(({ route, delivery }) => [route, delivery.user])).toEqual([["depart", "ada"]]);
  });

  it("7 leaves when their uid is another human's, who gets nothing until ops decide", async () => {
    await spawn(world, "ada", "bob");
    await removePerson(world, "ada");
    await addPerson(world, { uid: "ada", cn: "Ada Newcomer", mail: "newcomer@uni.example" });
    const { lines } = await syncAndSettle(world);
    expect(eventsOf(lines, "sync.rebuilt")).toEqual([]);
    expect((await personState(world, "ada")).user).toMatchObject({ full_name: "Ada Lovelace", prohibit_login: true });
    const stages = await world.pass((await import("./support/envelopes.ts")).spawnOf("ada"));
    expect(stages.map(({ code }) => code)).toContain("identity.other-id");
    expect((await sync(world)).sent).toEqual([]);
  });

  it("is reported, not blocked, when they are a site admin, and never touched when protected", async () => {
    await spawn(world, "ada", "bob");
    const link = { login_name: "ada", source_id: world.gitea.sourceId };
    await world.view.send("PATCH", "/admin/users/ada", { ...link, admin: true });
    await removePerson(world, "ada");
    await removePerson(world, "bob");
    const { sent, lines } = await sync(world, {}, { PROTECTED_USERS: "bob" });
    expect(sent).toEqual([]);
    expect(eventsOf(lines, "sync.conflict-reported").map(({ code }) => code)).toEqual(["leaver.is-admin"]);
  });
});

describe("group access", () => {
  it("follows group membership, both ways", async () => {
    await spawn(world, "ada", "dan");
    await leaveGroup(world, "datasci", "ada");
    await world.slapd.modify(
      `dn: ${groupDn("datasci")}\nchangetype: modify\nadd: member\nmember: uid=dan,ou=people,dc=uni,dc=example\n`,
    );
    const { sent } = await syncAndSettle(world);
    expect(sent.map(({ delivery, leave }) => [delivery.user, leave])).toEqual([
      ["ada", ["datasci"]],
      ["dan", []],
    ]);
    expect(await teamsOf("ada")).toEqual(["ada", "hub"]);
    expect(await teamsOf("dan")).toEqual(["dan", "datasci", "hub"]);
    expect((await sync(world)).sent).toEqual([]);
  });

  it.each([
    ["a filter that leaves groups out", { LDAP_GROUP_SEARCH_FILTER: "(&(member={0})(!(cn=old-*)))" }, "datasci"],
    ["nesting", {}, "jupyterhub"],
    ["memberUid", { LDAP_GROUP_SEARCH_FILTER: "(memberUid={0})", LDAP_GROUP_MEMBER_ATTRIBUTE: "memberUid" }, "unix"],
  ])("F9 does not come and go between spawns and syncs: %s", async (_, settings, cn) => {
    await world.stop();
    const groupTeams = { GROUP_TEAMS: JSON.stringify({ [groupDn(cn)]: { team: "granted", permission: "read" } }) };
    world = await startSyncWorld({ ...settings, ...groupTeams });
    await world.slapd.modify(
      `dn: ${groupDn("unix")}\nchangetype: add\nobjectClass: posixGroup\ncn: unix\ngidNumber: 7\nmemberUid: carol\nmemberUid: ada\n`,
    );
    const person = cn === "datasci" ? "ada" : "carol";
    for (let round = 0; round < 2; round += 1) {
      await spawn(world, person);
      expect(await teamsOf(person)).toEqual([person, "granted"]);
      expect((await syncAndSettle(world)).sent).toEqual([]);
    }
  });

  it("28 is not taken while another group grants the same team", async () => {
    await addGroup(world, "statistics", ["ada", "dan"]);
    const settings = {
      GROUP_TEAMS: JSON.stringify({
        [groupDn("datasci")]: { team: "datasci", permission: "write" },
        [groupDn("statistics")]: { team: "datasci", permission: "write" },
      }),
    };
    await spawn(world, "ada", "bob");
    expect((await sync(world, {}, settings)).sent).toEqual([]);
    await leaveGroup(world, "datasci", "ada");
    expect((await sync(world, {}, settings)).sent).toEqual([]);
  });

  it("leaves teams that are not hubforge's, and people who are not, as they are", async () => {
    await spawn(world, "ada");
    const units = { "repo.code": "read" };
    await world.view.send("POST", "/orgs/ilum-jupyterhub/teams", {
      name: "friends",
      permission: "read",
      units_map: units,
    });
    const Teams = z.array(z.object({ id: z.int(), name: z.string() }));
    const teams = Teams.parse(await world.view.get("/orgs/ilum-jupyterhub/teams?page=1&limit=50"));
    const idOf = (name: string) => teams.find((team) => team.name === name)?.id;
    await world.view.send("PUT", `/teams/${idOf("friends")}/members/ada`);
    await world.view.send("PUT", `/teams/${idOf("datasci")}/members/svc`);
    expect((await sync(world)).sent).toEqual([]);
  });
});
