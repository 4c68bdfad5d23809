import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { syncDirectory } from "../functions/directory-sync/sync-directory.ts";
import { makeTeam, membersOf } from "./support/accounts.ts";
import { addPerson, groupDn, lockPerson, renamePerson, setAttribute } from "./support/people.ts";
import { personState } from "./support/person-state.ts";
import { enrol, eventsOf, settle, spawn, startSyncWorld, sync, syncAndSettle } from "./support/sync.ts";
import type { World } from "./support/world.ts";

let world: World;
beforeEach(async () => {
  world = await startSyncWorld();
});
afterEach(() => world.stop());

const stateOf = (name: string) => personState(world, name);
const conflictsIn = ({ lines }: { lines: World["lines"] }) =>
  eventsOf(lines, "sync.conflict-reported").map(({ code, dn }) => `${code} ${dn}`);

/** What Gitea says to somebody who signs in with an LDAP password. */
async function signIn(name: string, password: string): Promise<number> {
  const authorization = `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
  return (await fetch(`${world.gitea.url}/api/v1/user`, { headers: { authorization } })).status;
}

describe("6 a person whose uid changes", () => {
  it.each([["the sync"], ["a spawn"]])(
    "keeps account, team and repository, and the password goes on working: %s comes first",
    async (first) => {
      await spawn(world, "ada");
      const before = await stateOf("ada");
      await renamePerson(world, "ada", "ada.byron");
      expect(await signIn("ada", "ada-password")).toBe(401);
      if (first === "a spawn") await spawn(world, "ada.byron");
      const { sent } = await syncAndSettle(world);
      expect(sent).toHaveLength(first === "a spawn" ? 0 : 1);
      await spawn(world, "ada.byron");
      expect(await stateOf("ada")).toMatchObject({ ...before, user: { ...before.user, login_name: "ada.byron" } });
      expect((await stateOf("ada.byron")).user).toBeNull();
      // Gitea's name stays (≤ 1.25); what it asks LDAP with is the new uid.
      expect([await signIn("ada", "ada-password"), await signIn("ada@uni.example", "ada-password")]).toEqual([
        200, 200,
      ]);
      expect((await sync(world)).sent).toEqual([]);
      expect(world.letters()).toEqual([]);
    },
  );
});

describe("SYNC_CREATE", () => {
  it("none: only people who have spawned are touched", async () => {
    expect((await sync(world)).sent).toEqual([]);
  });

  it("allowed: everybody in the allowed groups is made known, once, and nobody else", async () => {
    const settings = { SYNC_CREATE: "allowed", LDAP_ALLOWED_GROUPS: JSON.stringify([groupDn("jupyterhub")]) };
    await addPerson(world, { uid: "stranger" });
    await lockPerson(world, "dan");
    const { sent } = await syncAndSettle(world, {}, settings);
    expect(sent.map(({ delivery }) => delivery.user)).toEqual(["ada", "bob", "carol", "ilumadmin", "jdoe"]);
    expect(await stateOf("carol")).toMatchObject({ user: { full_name: "Carol Żółć" }, repository: null });
    expect((await stateOf("stranger")).user).toBeNull();
    const again = await sync(world, {}, settings);
    expect(again.sent).toEqual([]);
    expect(world.letters()).toEqual([]);
  });

  it("allowed: what the stages would refuse is told by DN at every run and sent at none", async () => {
    const settings = { SYNC_CREATE: "allowed" };
    const local = (username: string, email: string) =>
      world.view.send("POST", "/admin/users", { username, email, password: "local-password" });
    await local("ada", "somebody@elsewhere.example");
    await local("other", "carol@uni.example");
    await world.view.send("POST", "/orgs", { username: "dan" });
    await addPerson(world, { uid: "twin" });
    await addPerson(world, { uid: ["twin2", "Twin"] });
    await world.view.send("POST", "/admin/users", {
      username: "bob",
      login_name: "bob",
      source_id: 1,
      email: "bob@uni.example",
    });
    for (let run = 0; run < 2; run += 1) {
      const ran = await syncAndSettle(world, {}, settings);
      expect(conflictsIn(ran).toSorted()).toEqual([
        "account.taken uid=ada,ou=people,dc=uni,dc=example",
        "account.taken uid=dan,ou=people,dc=uni,dc=example",
        "mail.in-use uid=carol,ou=people,dc=uni,dc=example",
        "person.ambiguous uid=twin,ou=people,dc=uni,dc=example",
        "person.ambiguous uid=twin2,ou=people,dc=uni,dc=example",
      ]);
      expect(ran.sent.map(({ delivery }) => delivery.user)).toEqual(run === 0 ? ["bob", "ilumadmin", "jdoe"] : []);
    }
    expect(world.letters()).toEqual([]);
  });
});

describe("a group's team that is somebody else's", () => {
  const settings = {
    GROUP_TEAMS: JSON.stringify({ [groupDn("datasci")]: { team: "datasci", permission: "write" } }),
    LDAP_ADMIN_USERS: "ada",
  };

  it("is told once a run, and nobody is sent to join it; its members are nobody's business", async () => {
    await enrol(world, "ada", "bob");
    await makeTeam(world, "datasci", ["ada", "bob"]);
    await makeTeam(world, "admins", ["bob"]);
    for (let run = 0; run < 2; run += 1) {
      const ran = await syncAndSettle(world, {}, settings);
      expect(ran.sent).toEqual([]);
      expect(conflictsIn(ran)).toEqual([
        `team.taken ${groupDn("datasci")}`,
        "team.taken uid=ada,ou=people,dc=uni,dc=example",
      ]);
    }
    await lockPerson(world, "bob");
    const { sent } = await syncAndSettle(world, {}, settings);
    expect(sent).toMatchObject([{ route: "depart", leave: [], delivery: { user: "bob" } }]);
    expect([await membersOf(world, "datasci"), await membersOf(world, "admins")]).toEqual([["ada", "bob"], ["bob"]]);
    expect(world.letters()).toEqual([]);
  });
});

describe("SYNC_UPDATE_EXISTING=false", () => {
  const settings = {
    SYNC_UPDATE_EXISTING: "false",
    GROUP_TEAMS: JSON.stringify({ [groupDn("datasci")]: { team: "datasci", permission: "write" } }),
  };
  beforeEach(async () => {
    await world.stop();
    world = await startSyncWorld(settings);
  });
  const change = async (name: string) => {
    await setAttribute(world, name, "cn", "Somebody Else");
    await setAttribute(world, name, "mail", "else@uni.example");
  };

  it("leaves names and mails alone, also where something else is sent, and still gives access", async () => {
    await enrol(world, "ada");
    const before = (await stateOf("ada")).user;
    await change("ada");
    expect((await syncAndSettle(world)).sent).toEqual([]);
    await renamePerson(world, "ada", "ada.byron");
    await setAttribute(world, "bob", "cn", "Bob Newname");
    await enrol(world, "dan");
    await world.slapd.modify(
      `dn: ${groupDn("datasci")}\nchangetype: modify\nadd: member\nmember: uid=dan,ou=people,dc=uni,dc=example\n`,
    );
    const { sent } = await syncAndSettle(world);
    expect(sent.map(({ delivery }) => delivery.user)).toEqual(["ada.byron", "dan"]);
    expect((await stateOf("ada")).user).toEqual({ ...before, login_name: "ada.byron" });
    expect((await stateOf("dan")).teams.map(({ name }) => name)).toContain("datasci");
    expect((await sync(world)).sent).toEqual([]);
  });

  it("holds for who is back before the second look and for an account found unmarked; a spawn makes them true", async () => {
    const made = { username: "bob", login_name: "bob", source_id: 1, email: "b@elsewhere.example", full_name: "B" };
    await world.view.send("POST", "/admin/users", made);
    await enrol(world, "ada");
    const before = (await stateOf("ada")).user;
    await change("ada");
    await lockPerson(world, "ada");
    const ran = await sync(world, {}, { SYNC_CREATE: "allowed", PROTECTED_USERS: "carol dan ilumadmin jdoe" });
    expect(ran.sent.map(({ route, delivery }) => [route, delivery.user])).toEqual([
      ["refresh", "bob"],
      ["depart", "ada"],
    ]);
    await setAttribute(world, "ada", "pwdAccountLockedTime");
    await settle(world);
    expect((await stateOf("ada")).user).toEqual(before);
    expect((await stateOf("bob")).user).toMatchObject({ full_name: "B", email: "b@elsewhere.example" });
    await spawn(world, "ada");
    expect((await stateOf("ada")).user).toMatchObject({ full_name: "Somebody Else", email: "else@uni.example" });
  });
});

describe("29 a dry run", () => {
  it("sends nothing, writes nothing, and answers with what it would have done", async () => {
    await enrol(world, "ada", "bob");
    await setAttribute(world, "ada", "cn", "Ada Byron");
    await lockPerson(world, "bob");
    const { answer, lines, requests, sent } = await sync(world, { dryRun: true });
    expect(sent).toEqual([]);
    // Neither a success that counts nor a guard that alarms.
    expect(lines).toMatchObject([{ event: "sync.planned", counts: answer.counts }]);
    expect(requests.filter((request) => !request.startsWith("GET "))).toEqual([]);
    expect(answer.counts).toMatchObject({ toUpdate: 1, toDepart: 1, sent: 0 });
    expect(answer.counts).not.toHaveProperty("departed");
  });
});

describe("the function's event", () => {
  const run = (event: unknown) => syncDirectory(world.environment)(event, { getRemainingTimeInMillis: () => 60_000 });

  it.each([{ dryrun: true }, { dryRun: "true" }, { source: "me", dry: true }, "dryRun"])(
    "is refused when it is misspelt, and nothing runs: %j",
    async (event) => {
      await enrol(world, "ada");
      await setAttribute(world, "ada", "cn", "Ada Byron");
      const before = world.lines.length;
      await expect(run(event)).rejects.toMatchObject({ code: "event.invalid" });
      expect(world.envelopesIn("identity")).toEqual([]);
      expect(world.lines.slice(before)).toMatchObject([{ event: "sync.incomplete", code: "event.invalid" }]);
    },
  );

  it("may be EventBridge's own, with all its fields", async () => {
    const woken = {
      version: "0",
      id: "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
      "detail-type": "Scheduled Event",
      source: "aws.events",
      account: "123456789012",
      time: "2026-11-24T09:00:00Z",
      region: "eu-central-1",
      resources: ["arn:aws:events:eu-central-1:123456789012:rule/sync"],
      detail: {},
    };
    expect((await run(woken)).counts).toMatchObject({ people: 6, sent: 0 });
  });
});

describe("5 two people of one uid", () => {
  it("are two humans: the known one keeps everything, the other is told", async () => {
    await spawn(world, "ada");
    const before = await stateOf("ada");
    await world.slapd.modify(
      "dn: ou=guests,ou=people,dc=uni,dc=example\nchangetype: add\nobjectClass: organizationalUnit\nou: guests\n",
    );
    await world.slapd.modify(
      "dn: uid=ADA,ou=guests,ou=people,dc=uni,dc=example\nchangetype: add\nobjectClass: inetOrgPerson\nuid: ADA\ncn: Guest\nsn: x\n",
    );
    const ran = await sync(world);
    expect(ran.sent).toEqual([]);
    expect(conflictsIn(ran)).toEqual(["identity.other-id uid=ADA,ou=guests,ou=people,dc=uni,dc=example"]);
    expect(await stateOf("ada")).toEqual(before);
  });
});
