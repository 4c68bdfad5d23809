import { afterAll, describe, expect, it } from "vitest";
import { canUseLdap, openGitea } from "../support/gitea.ts";
import { basic, fresh, itemsIn, newOrganisation, newPerson, newTeam } from "../support/gitea-builders.ts";
import { replay } from "./gitea-recordings.ts";

/** On a real Gitea: GITEA_LDAP_URL names the seeded directory that the source GITEA_AUTH_SOURCE_ID asks. */
describe("signing in with the directory's password (needs an LDAP source)", async () => {
  if (!canUseLdap) {
    it.skip("is not tested: GITEA_LDAP_URL is not set", () => undefined);
    return;
  }
  const gitea = await openGitea({ ldap: true });
  afterAll(() => gitea.stop());

  /** Adds somebody to the directory; `cn` and `sn` as recorded: Gitea joins both to the full name. */
  async function known(
    prefix: string,
    cn: string,
    sn: string,
    mail = true,
  ): Promise<{ name: string; as: string; password: string }> {
    const name = fresh(prefix);
    const password = `${prefix}-pw`;
    await gitea.addLdapPerson({ uid: name, cn, sn, password, ...(mail ? { mail: `${name}@example.org` } : {}) });
    return { name, as: basic(name, password), password };
  }

  const link = (name: string, fields: object) =>
    gitea.send("PATCH", `/api/v1/admin/users/${name}`, {
      body: { login_name: name, source_id: gitea.sourceId, ...fields },
    });

  it("works for a linked account by name, other case and mail", async () => {
    const alice = await known("alice", "Alice", "Example");
    const words = { alice: alice.name };
    await replay(gitea, "user: create linked to LDAP source", { words });
    await replay(gitea, "ldap login: Basic with LDAP password", { words, as: alice.as });
    await replay(gitea, "ldap login: wrong password", { words, as: basic(alice.name, "nope") });
    await replay(gitea, "ldap login: by e-mail", { words, as: basic(`${alice.name}@example.org`, alice.password) });
    await replay(gitea, "ldap login: name in other case", {
      words,
      as: basic(alice.name.toUpperCase(), alice.password),
    });
  });

  it("is stopped by must_change_password left at its default, and by a login name that is not the uid", async () => {
    const bob = await known("bob", "Bob", "Builder");
    await replay(gitea, "user: create, must_change_password omitted", { words: { bob: bob.name } });
    await replay(gitea, "ldap login: must_change_password left at its default", { as: bob.as });
    await replay(gitea, "user: PATCH must_change_password false", { words: { bob: bob.name } });
    await replay(gitea, "ldap login: after PATCH", { words: { bob: bob.name }, as: bob.as });
    const carol = await known("carol", "Carol", "Singer");
    await replay(gitea, "user: create, login_name omitted", { words: { carol: carol.name } });
    await replay(gitea, "ldap login: login_name empty", { as: carol.as });
    await replay(gitea, "user: PATCH login_name", { words: { carol: carol.name } });
    await replay(gitea, "ldap login: login_name repaired", { words: { carol: carol.name }, as: carol.as });
  });

  it("takes a password of special characters in UTF-8, and not one that Gitea was given beside the link", async () => {
    const dave = fresh("dave");
    const password = "p@ss:w/ord%#?é";
    await gitea.addLdapPerson({ uid: dave, cn: "Dave", sn: "Special", mail: `${dave}@example.org`, password });
    await replay(gitea, "user: create dave", { words: { dave } });
    const as = basic(dave, password);
    await replay(gitea, "ldap login: special characters, UTF-8 Basic", { words: { dave }, as });
    const withpw = fresh("withpw");
    await replay(gitea, "user: source_id and password both given", { words: { withpw } });
    await replay(gitea, "ldap login: local password of a linked user", { as: basic(withpw, "Local-Password-1") });
  });

  it("makes the account of somebody whom Gitea does not know, with first name and surname joined", async () => {
    const heidi = await known("heidi", "Heidi Late", "Late");
    const words = { heidi: heidi.name };
    await replay(gitea, "ldap login: no Gitea row yet (auto-registers)", { words, as: heidi.as });
    await replay(gitea, "user: made by LDAP login", { words });
    await replay(gitea, "user: create after LDAP login made it", { words });
    const erin = await known("erin", "Erin Nomail", "Nomail", false);
    await replay(gitea, "ldap login: no mail attribute (auto-registers)", { words: { erin: erin.name }, as: erin.as });
    await replay(gitea, "user: made by LDAP login, no mail", { words: { erin: erin.name } });
  });

  it("keeps as login name what was typed, as name what the directory says", async () => {
    const tail = fresh("");
    const uid = `Grace.Mixed${tail}`;
    await gitea.addLdapPerson({
      uid,
      cn: "Grace Mixed",
      sn: "Mixed",
      mail: `grace${tail}@example.org`,
      password: "grace-pw",
    });
    const words = {
      "Grace.Mixed": uid,
      "grace.mixed": uid.toLowerCase(),
      "grace@example.org": `grace${tail}@example.org`,
    };
    const as = basic(uid.toLowerCase(), "grace-pw");
    await replay(gitea, "ldap login: mixed-case uid, lower-case login", { words, as });
    await replay(gitea, "user: made by LDAP login, mixed case uid", { words });
  });

  it("never asks the directory for a local account, until it is adopted", async () => {
    const local = await newPerson(gitea, fresh("frank"));
    await gitea.addLdapPerson({ uid: local.name, cn: "Frank", sn: "F", mail: local.mail, password: "frank-pw" });
    const words = { frank: local.name };
    const as = basic(local.name, "frank-pw");
    await replay(gitea, "ldap login: LDAP password, local account", { as });
    await replay(gitea, "user: adopt local account", { words });
    await replay(gitea, "ldap login: adopted account", { words, as });
    await replay(gitea, "ldap login: adopted account, old local password", { as: local.basic });
  });

  it("ends with a wrong login name and with a block, and the two kinds of block differ", async () => {
    const alice = await known("alice", "Alice", "Example");
    const words = { alice: alice.name };
    await replay(gitea, "user: create linked to LDAP source", { words });
    await link(alice.name, { login_name: "wrong" });
    await replay(gitea, "ldap login: wrong login_name", { as: alice.as });
    await link(alice.name, { prohibit_login: true });
    await replay(gitea, "leaver: API with the LDAP password", { as: alice.as });
    await link(alice.name, { prohibit_login: false, active: false });
    await replay(gitea, "leaver: inactive, API with the LDAP password", { as: alice.as });
    await link(alice.name, { active: true });
    expect((await gitea.send("GET", "/api/v1/user", { as: alice.as })).status).toBe(200);
  });

  it("lets a person mint a token, and clone", async () => {
    const alice = await known("alice", "Alice", "Example");
    await replay(gitea, "user: create linked to LDAP source", { words: { alice: alice.name } });
    await replay(gitea, "token: a person mints with the LDAP password", { words: { alice: alice.name }, as: alice.as });
  });

  it("is what a dead token is tried for: three of them lock the person out, under another name they do not", async () => {
    const dead = "0123456789abcdef0123456789abcdef01234567";
    const tries = async (name: string) => {
      for (let at = 0; at < 4; at += 1) {
        expect((await gitea.send("GET", "/api/v1/user", { as: basic(name, dead) })).status).toBe(401);
      }
    };
    const alice = await known("alice", "Alice", "Example");
    await replay(gitea, "user: create linked to LDAP source", { words: { alice: alice.name } });
    await tries("hubforge");
    expect((await gitea.send("GET", "/api/v1/user", { as: alice.as })).status).toBe(200);
    await tries(alice.name);
    expect((await gitea.send("GET", "/api/v1/user", { as: alice.as })).status).toBe(401);
  });

  it("is not needed by Gitea's own sync, which overwrites names and makes the missing inactive", async () => {
    const alice = await known("alice", "Alice Example", "Example");
    const gone = fresh("gone");
    await replay(gitea, "user: create linked to LDAP source", { words: { alice: alice.name } });
    const lost = { username: gone, email: `${gone}@example.org`, full_name: "Gone Person", login_name: gone };
    const linked = { ...lost, source_id: gitea.sourceId, must_change_password: false };
    await gitea.send("POST", "/api/v1/admin/users", { body: linked });
    const runs = async () => {
      const list = await gitea.send("GET", "/api/v1/admin/cron?page=1&limit=50");
      return itemsIn(list).find((task) => task.name === "sync_external_users")?.["exec_times"];
    };
    const before = await runs();
    const organisation = await newOrganisation(gitea);
    const team = await newTeam(gitea, organisation, "stays");
    await gitea.send("PUT", `/api/v1/teams/${team}/members/${gone}`);
    await replay(gitea, "sync: GET a linked user without an LDAP entry, before", { words: { gone } });
    await replay(gitea, "sync: POST cron task");
    await replay(gitea, "sync: unknown cron task");
    await expect.poll(runs, { timeout: 5000 }).toBe(Number(before) + 1);
    await replay(gitea, "sync: GET alice after (name and mail were overwritten)", { words: { alice: alice.name } });
    await replay(gitea, "sync: GET the user without an LDAP entry after", { words: { gone } });
    const ours = { gone, "teams/4": `teams/${team}` };
    await replay(gitea, "sync: the deactivated person stays in the team", { words: ours });
  });

  it("fails by the old and the new uid after a rename in the directory, until the login name follows", async () => {
    const bob = fresh("bob");
    const robert = await known("robert", "Bob", "Builder");
    const mail = `${robert.name}@example.org`;
    const linked = {
      username: bob,
      email: mail,
      login_name: bob,
      source_id: gitea.sourceId,
      must_change_password: false,
    };
    await gitea.send("POST", "/api/v1/admin/users", { body: linked });
    await replay(gitea, "sync: login with the new uid after an LDAP rename", { as: robert.as });
    await replay(gitea, "sync: login with the old uid after an LDAP rename", { as: basic(bob, robert.password) });
    await link(bob, { login_name: robert.name });
    expect((await gitea.send("GET", "/api/v1/user", { as: basic(bob, robert.password) })).status).toBe(200);
  });
});
