import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { spawnOf } from "./support/envelopes.ts";
import { newPerson } from "./support/slapd.ts";
import { startWorkspaces, type Workspaces } from "./support/workspaces-server.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
let workspaces: Workspaces;
beforeAll(async () => {
  world = await startWorld();
  workspaces = await startWorkspaces(world, { PROTECTED_USERS: "root bob" });
  for (const uid of ["ada", "bob", "jdoe", "ilumadmin"]) await world.pass(spawnOf(uid));
});
afterAll(async () => {
  workspaces.stop();
  await world.stop();
});

async function enrol(uid: string): Promise<void> {
  await world.slapd.modify(newPerson(uid, `mail: ${uid}@uni.example`));
  await world.pass(spawnOf(uid));
}
const dn = (uid: string) => `dn: uid=${uid},ou=people,dc=uni,dc=example`;

/** Both verbs say the same, in words and in the log, and no token comes to be. */
async function expectRefusal(user: string, code: string, at = workspaces): Promise<void> {
  world.gitea.requests.splice(0);
  const verbs = [
    [at.status, "workspace.refused"],
    [at.credentials, "credentials.refused"],
  ] as const;
  for (const [ask, event] of verbs) {
    const answer = await ask(user);
    expect(answer).toMatchObject({ status: 403, body: { error: "refused", code } });
    expect(answer.body.message).toMatch(/\w+ \w+/);
    expect(answer.body).not.toHaveProperty("password");
    expect(world.lines.at(-1)).toMatchObject({ event, status: 403, code, person: user, delivery: "evt_01" });
  }
  expect(world.gitea.requests.filter(({ method }) => method !== "GET")).toEqual([]);
}

describe("nothing but a 403 with its code is for", () => {
  it("somebody whom the directory does not know", () => expectRefusal("mallory", "person.unknown"));

  it("somebody who has gone or is disabled, whose account still stands", async () => {
    await enrol("gina");
    await enrol("dora");
    await world.slapd.modify(`${dn("gina")}\nchangetype: delete\n`);
    await world.slapd.modify(
      `${dn("dora")}\nchangetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n`,
    );
    await expectRefusal("gina", "person.unknown");
    await expectRefusal("dora", "person.disabled");
  });

  it("somebody outside the allowed groups", async () => {
    const groups = JSON.stringify(["cn=datasci,ou=groups,dc=uni,dc=example"]);
    const strict = await startWorkspaces(world, { LDAP_ALLOWED_GROUPS: groups });
    await expectRefusal("jdoe", "person.not-allowed", strict);
    expect((await strict.credentials("ada")).status).toBe(200);
    strict.stop();
  });

  it("another human under a name that was used before", async () => {
    await enrol("kim");
    await world.slapd.modify(`${dn("kim")}\nchangetype: delete\n`);
    await world.slapd.modify(newPerson("kim", "cn: Another Kim", "mail: kim@uni.example"));
    await expectRefusal("kim", "identity.other-id");
  });

  it("site admins, protected names and hubforge's own account", async () => {
    expect(await world.view.send("PATCH", "/admin/users/ilumadmin", adminOf("ilumadmin"))).toBe(200);
    await expectRefusal("ilumadmin", "account.site-admin");
    await expectRefusal("bob", "person.protected");
    await world.slapd.modify(`${dn("bob")}\nchangetype: modrdn\nnewrdn: uid=robert\ndeleteoldrdn: 1\n`);
    await expectRefusal("robert", "person.protected"); // whose account still is bob
    await world.slapd.modify(newPerson("root"));
    await expectRefusal("root", "person.protected"); // who has no account
    await world.slapd.modify(newPerson(world.gitea.username));
    await expectRefusal(world.gitea.username, "person.protected");
  });

  it("somebody whom a Gitea admin has blocked", async () => {
    await enrol("max");
    const blocked = { ...adminOf("max"), admin: false, prohibit_login: true };
    expect(await world.view.send("PATCH", "/admin/users/max", blocked)).toBe(200);
    await expectRefusal("max", "account.blocked");
  });

  it("somebody whose name is taken by a local account, an organisation or an account older than they are", async () => {
    const account = { email: "nora@elsewhere.example", password: "nora-password-1", must_change_password: false };
    expect(await world.view.send("POST", "/admin/users", { ...account, username: "nora" })).toBe(201);
    expect(await world.view.send("POST", "/orgs", { username: "lab" })).toBe(201);
    const linked = { username: "olga", login_name: "olga", source_id: world.gitea.sourceId };
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 86_400_000 });
    expect(await world.view.send("POST", "/admin/users", { ...linked, email: "olga@uni.example" })).toBe(201);
    vi.useRealTimers();
    for (const uid of ["nora", "lab", "olga"]) await world.slapd.modify(newPerson(uid));
    await expectRefusal("nora", "account.taken");
    await expectRefusal("lab", "account.taken");
    await expectRefusal("olga", "account.unproven");
  });

  it("a session that its hub does not count among the live ones, without asking anybody", async () => {
    world.gitea.requests.splice(0);
    const other = { server: "proj", session: "ada-1" };
    for (const sessions of [[], [other], [{ server: "", session: "ada-0" }]]) {
      const ended = { user: "ada", session: "ada-1", sessions };
      const refusal = { status: 403, body: { code: "session.ended" } };
      expect(await workspaces.credentials(ended)).toMatchObject(refusal);
      expect(await workspaces.status(ended)).toMatchObject(refusal);
    }
    expect(world.gitea.requests).toEqual([]);
    expect(
      (await workspaces.credentials({ user: "ada", server: "proj", session: "ada-1", sessions: [other] })).status,
    ).toBe(200);
  });
});

const adminOf = (uid: string) => ({ login_name: uid, source_id: world.gitea.sourceId, admin: true });
