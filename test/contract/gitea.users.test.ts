import { afterAll, describe, expect, it } from "vitest";
import { openGitea } from "../support/gitea.ts";
import { fresh, idOf, newOrganisation, newPerson } from "../support/gitea-builders.ts";
import { recordingsNamed, replay } from "./gitea-recordings.ts";
import { isNewerThan125 } from "./gitea-versions.ts";

const gitea = await openGitea();
afterAll(() => gitea.stop());

const users = "/api/v1/admin/users";

describe("an account that the service makes", () => {
  const alice = fresh("alice");
  const words = { alice };

  it("is absent first, then created linked, then found by its name in any case", async () => {
    await replay(gitea, "user: GET before create", { words });
    await replay(gitea, "user: search by source_id+login_name, none", { words });
    await replay(gitea, "user: create linked to LDAP source", { words });
    await replay(gitea, "user: GET as admin", { words });
    await replay(gitea, "user: GET other case", { words });
  });

  it("is found by auth source and login name, whose case counts", async () => {
    await replay(gitea, "user: search by source_id+login_name", { words });
    await replay(gitea, "user: search login_name other case", { words });
  });

  it("shows strangers neither its mail nor its link", async () => {
    const except = ["email", "avatar_url", "html_url"];
    const answer = await replay(gitea, "user: GET anonymous", { words, except });
    const id = isNewerThan125(gitea.version) ? "\\d+\\+" : "";
    expect(answer.body).toMatchObject({ email: expect.stringMatching(new RegExp(`^${id}${alice}@noreply\\.`)) });
  });

  it("tells when it was made", async () => {
    const answer = await gitea.send("GET", `/api/v1/users/${alice}`);
    expect(answer.body).toMatchObject({ created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) });
  });

  it("needs a password only without an auth source, and ignores one with it", async () => {
    await replay(gitea, "user: local, no password", { words: { nopw: fresh("nopw") } });
    await replay(gitea, "user: local, short password", { words: { weak: fresh("weak") } });
    await replay(gitea, "user: source_id and password both given", { words: { withpw: fresh("withpw") } });
    await replay(gitea, "user: create, login_name omitted", { words: { carol: fresh("carol") } });
  });

  it("is refused with an auth source that does not exist", async () => {
    const body = { username: fresh("badsrc"), email: `${fresh("badsrc")}@example.org`, source_id: 9999 };
    const answer = await gitea.send("POST", users, { body });
    expect(answer).toMatchObject({ status: 422, body: { message: "login source does not exist [id: 9999]" } });
  });

  it("may be called owners, new or foo.git, names that are traps elsewhere", async () => {
    for (const [recording, word] of [
      ["user: named new (team of that name is impossible)", "new"],
      ["user: named owners (team of that name is the Owners team)", "owners"],
      ["user: named foo.git", "foo.git"],
    ] as const) {
      const exists = (await gitea.send("GET", `/api/v1/users/${word}`)).status === 200;
      if (!exists) await replay(gitea, recording);
    }
    const isTaken = (await gitea.send("GET", "/api/v1/users/admin")).status === 200;
    if (!isTaken) await replay(gitea, "dup/invalid user: admin is allowed");
  });

  it("keeps a mixed-case mail as it was sent although the answer shows lower case, until a change", async () => {
    const mixmail = fresh("mixmail");
    const mail = `Mixed.${mixmail}@Example.ORG`;
    const linked = { login_name: mixmail, source_id: gitea.sourceId };
    const body = { username: mixmail, full_name: "Mixmail", email: mail, ...linked };
    expect((await gitea.send("POST", users, { body })).body).toMatchObject({ email: mail.toLowerCase() });
    expect((await gitea.send("GET", `/api/v1/users/${mixmail}`)).body).toMatchObject({ email: mail });
    const other = `Other.${mixmail}`;
    const words = { mixmail, "Other.Case": other, "other.case": other.toLowerCase() };
    await replay(gitea, "patch user: new mixed-case e-mail", { words });
    expect((await gitea.send("GET", `/api/v1/users/${mixmail}`)).body).toMatchObject({
      email: `${other}@Example.ORG`.toLowerCase(),
    });
  });
});

describe("an account that can't be made", async () => {
  const alice = fresh("alice");
  const anorg = fresh("AnOrg").toLowerCase();
  const words = {
    alice,
    alice2: fresh("alice"),
    alice3: fresh("alice"),
    anorg,
    AnOrg: anorg.replace("anorg", "AnOrg"),
    "x1@example.org": `${fresh("x")}@example.org`,
    noemail: fresh("noemail"),
    longname: fresh("longname"),
  };
  await newOrganisation(gitea, anorg);
  await replay(gitea, "user: create linked to LDAP source", { words });

  // These two are refused by nothing but their neighbours; the rest of the group is made under other names below.
  const accepted = ["admin is allowed", "40 characters", "leading digit", "e-mail with plus", "full name 100"];
  const refused = recordingsNamed("dup/invalid user: ").filter((name) => !accepted.some((part) => name.includes(part)));

  it.each(refused)("is refused: «%s»", async (name) => {
    await replay(gitea, name, { words });
  });

  it("is not refused for a leading digit, 40 letters, a full name of 100 or a plus in its mail", async () => {
    const digit = `1${fresh("abc")}`;
    const long = fresh("a".repeat(32));
    await replay(gitea, "dup/invalid user: leading digit", { words: { "1abc": digit } });
    await replay(gitea, "dup/invalid user: 40 characters", { words: { ["a".repeat(40)]: long, a40: fresh("a") } });
    await replay(gitea, "dup/invalid user: full name 100", { words });
    const plus = fresh("plus");
    await replay(gitea, "dup/invalid user: e-mail with plus", { words: { plus } });
  });
});

describe("a change to an account", async () => {
  const alice = fresh("alice");
  const words = {
    alice,
    "Alice.New": `${alice}.New`,
    bob: fresh("bob"),
    anorg: fresh("anorg"),
    nosuch: fresh("nosuch"),
  };
  await gitea.send("POST", "/api/v1/orgs", { body: { username: words.anorg } });
  await newPerson(gitea, words.bob);
  await replay(gitea, "user: create linked to LDAP source", { words });

  it("goes through in the recorded order, field by field, refusal by refusal", async () => {
    for (const name of recordingsNamed("patch user: ")) {
      if (name === "patch user: new mixed-case e-mail") continue;
      await replay(gitea, name, { words });
    }
  });

  it("leaves the login name written although its mail was refused", async () => {
    const body = { login_name: `${words.alice}-x`, email: `${words.bob}@example.org` };
    expect((await gitea.send("PATCH", `${users}/${words.alice}`, { body })).status).toBe(400);
    const after = await gitea.send("GET", `/api/v1/users/${words.alice}`);
    expect(after.body).toMatchObject({ login_name: `${words.alice}-x` });
  });

  it("frees a mail for the next owner", async () => {
    const one = await newPerson(gitea);
    const two = await newPerson(gitea);
    const moved = { login_name: one.name, email: `new.${one.mail}` };
    expect((await gitea.send("PATCH", `${users}/${one.name}`, { body: moved })).status).toBe(200);
    const taken = { login_name: two.name, email: one.mail };
    expect((await gitea.send("PATCH", `${users}/${two.name}`, { body: taken })).status).toBe(200);
    const found = await gitea.send("GET", `/api/v1/admin/emails/search?q=${one.mail}`);
    expect(found.body).toEqual(
      expect.arrayContaining([expect.objectContaining({ email: one.mail, username: two.name })]),
    );
  });

  it("adopts a local account, and no source_id of 0 undoes that", async () => {
    const { name: frank } = await newPerson(gitea, fresh("frank"));
    await replay(gitea, "user: adopt without login_name", { words: { frank } });
    await replay(gitea, "user: adopt local account", { words: { frank } });
    await replay(gitea, "user: PATCH source_id 0 does not unlink", { words: { frank } });
    await replay(gitea, "user: restore login_name", { words: { frank } });
  });
});

describe("an account that is given up", () => {
  it("can't be the asker's own, and not a member's", async () => {
    await replay(gitea, "user: DELETE self");
    const { name: plus } = await newPerson(gitea, fresh("plus"));
    await replay(gitea, "user: DELETE", { words: { plus } });
    await replay(gitea, "user: DELETE again", { words: { plus } });
    const organisation = await newOrganisation(gitea);
    const { name: alice } = await newPerson(gitea);
    const body = { name: "members", permission: "read", units_map: { "repo.code": "read" } };
    const team = await gitea.send("POST", `${organisation.path}/teams`, { body });
    await gitea.send("PUT", `/api/v1/teams/${idOf(team)}/members/${alice}`);
    await replay(gitea, "user: DELETE a member of an org", { words: { alice } });
  });

  it("leads on to its new name with 307 for every method, until somebody takes the old one", async () => {
    const oldie = fresh("oldie");
    const words = { oldie, newbie: fresh("newbie"), oldie2: fresh("oldie"), alice: (await newPerson(gitea)).name };
    await newPerson(gitea, oldie);
    await replay(gitea, "rename: local user", { words });
    await replay(gitea, "rename: GET the old name", { words });
    await replay(gitea, "rename: PATCH the old name", { words });
    await replay(gitea, "rename: POST below the old name", { words });
    await replay(gitea, "rename: GET the old name anonymous", { words });
    await replay(gitea, "rename: create a user of the old name", { words });
    await replay(gitea, "rename: GET the old name after it is taken again", { words });
    await replay(gitea, "rename: to a name in use", { words });
    await replay(gitea, "rename: only the case", { words });
    const bob = fresh("bob");
    const linked = { username: bob, email: `${bob}@example.org`, login_name: bob, source_id: gitea.sourceId };
    await gitea.send("POST", users, { body: linked });
    await replay(gitea, "rename: LDAP-linked user", { words: { bob, bobby: fresh("bobby") } });
  });
});
