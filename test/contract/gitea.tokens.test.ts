import { afterAll, describe, expect, it } from "vitest";
import { openGitea } from "../support/gitea.ts";
import {
  basic,
  fresh,
  idOf,
  itemsIn,
  newOrganisation,
  newPerson,
  newRepository,
  newTeam,
  newToken,
  secretIn,
} from "../support/gitea-builders.ts";
import { replay } from "./gitea-recordings.ts";

const gitea = await openGitea();
afterAll(() => gitea.stop());

const service = basic(gitea.service, gitea.token);

describe("a token for somebody else", async () => {
  const alice = await newPerson(gitea, fresh("alice"));
  const bob = await newPerson(gitea, fresh("bob"));
  const organisation = await newOrganisation(gitea, fresh("ilum-jupyterhub"));
  const words = { alice: alice.name, bob: bob.name, nosuch: fresh("nosuch"), "ilum-jupyterhub": organisation.name };
  const except = ["name"];

  it("is minted by the service with HTTP Basic only, once per name, whose case counts", async () => {
    await replay(gitea, "token: mint for another user, token header", { words });
    await replay(gitea, "token: mint for another user, bearer", { words, as: `Bearer ${gitea.token}` });
    await replay(gitea, "token: mint for another user, Basic with the service token", { words });
    await replay(gitea, "token: duplicate name", { words });
    await replay(gitea, "token: name in other case", { words });
  });

  it("needs a name and a known scope", async () => {
    await replay(gitea, "token: no scopes", { words });
    await replay(gitea, "token: scopes omitted", { words });
    await replay(gitea, "token: unknown scope", { words });
    await replay(gitea, "token: empty name", { words });
    await replay(gitea, "token: unknown user", { words });
    await replay(gitea, "token: for an org", { words });
    await replay(gitea, "token: read scope", { words });
    await replay(gitea, "token: user scope only", { words });
  });

  it("is not for a person to mint, save for oneself, and with write:user it is a key to everything", async () => {
    await replay(gitea, "token: a person mints with the LDAP password", { words, as: alice.basic });
    await replay(gitea, "token: a person mints for another person", { words, as: alice.basic });
    const repository = await newToken(gitea, alice.name, ["write:repository"]);
    await replay(gitea, "token: a token with write:repository mints (Basic)", {
      words,
      as: basic("alice", repository),
    });
    const user = await newToken(gitea, alice.name, ["write:user"]);
    await replay(gitea, "token: a write:user token mints an all-scope token", { words, as: basic("alice", user) });
  });

  it("is listed without its secret, by Basic only", async () => {
    const list = await gitea.send("GET", `/api/v1/users/${alice.name}/tokens?page=1&limit=50`, { as: service });
    expect(list.body).toEqual(expect.arrayContaining([expect.objectContaining({ name: "hub", sha1: "" })]));
    await replay(gitea, "token: list, token header", { words });
    const { name: holder } = await newPerson(gitea);
    for (const [name, scope] of [
      ["hub", "write:repository"],
      ["HUB", "write:repository"],
      ["ro", "read:repository"],
    ]) {
      await gitea.send("POST", `/api/v1/users/${holder}/tokens`, { as: service, body: { name, scopes: [scope] } });
    }
    await replay(gitea, "token: list", { words: { alice: holder } });
  });

  it("is deleted by name or id, and worth nothing from then on", async () => {
    const ro = await gitea.send("POST", `/api/v1/users/${bob.name}/tokens`, {
      as: service,
      body: { name: "ro", scopes: ["read:user"] },
    });
    const secret = `token ${secretIn(ro)}`;
    expect((await gitea.send("GET", "/api/v1/user", { as: secret })).status).toBe(200);
    const forBob = { ...words, alice: bob.name };
    await replay(gitea, "token: DELETE by name", { words: forBob });
    await replay(gitea, "token: DELETE again", { words: forBob });
    expect((await gitea.send("GET", "/api/v1/user", { as: secret })).status).toBe(401);
    const body = { name: "by-id", scopes: ["read:user"] };
    const other = await gitea.send("POST", `/api/v1/users/${bob.name}/tokens`, { as: service, body });
    await replay(gitea, "token: DELETE by id", { words: { ...forBob, "tokens/6": `tokens/${idOf(other)}` }, except });
  });

  it("survives in the name only as long as no other has it: two of one name can't be deleted by name", async () => {
    const mint = () =>
      gitea.send("POST", `/api/v1/users/${bob.name}/tokens`, {
        as: service,
        body: { name: "race", scopes: ["read:user"] },
      });
    const answers = await Promise.all(Array.from({ length: 10 }, mint));
    const made = answers.filter((answer) => answer.status === 201).length;
    expect(answers.map((answer) => answer.status).filter((status) => status !== 201 && status !== 400)).toEqual([]);
    expect(made).toBeGreaterThan(0);
    const all = await gitea.send("GET", `/api/v1/users/${bob.name}/tokens?page=1&limit=50`, { as: service });
    expect(itemsIn(all).filter((token) => token.name === "race")).toHaveLength(made);
    if (made > 1) {
      await replay(gitea, "token: DELETE by a name that exists several times", {
        words: { ...words, alice: bob.name },
      });
    }
  });
});

describe("a scope", async () => {
  const organisation = await newOrganisation(gitea, fresh("ilum-jupyterhub"));
  const alice = await newPerson(gitea, fresh("alice"));
  const words = { "ilum-jupyterhub": organisation.name, "jupyterhub-alice": "jupyterhub-alice", alice: alice.name };
  const path = await newRepository(gitea, organisation, "jupyterhub-alice");
  const team = await newTeam(gitea, organisation, "alice");
  await gitea.send("PUT", `/api/v1/teams/${team}/members/${alice.name}`);
  await gitea.send("PUT", `/api/v1/teams/${team}/repos/${organisation.name}/jupyterhub-alice`);
  const token = async (scope: string) => `token ${await newToken(gitea, alice.name, [scope])}`;
  const except = ["empty", "description"];

  it("of write:repository reaches the repositories and nothing else", async () => {
    const as = await token("write:repository");
    await replay(gitea, "scope: GET /user with write:repository", { as });
    await replay(gitea, "scope: GET repo with write:repository", { words, as, except });
    await replay(gitea, "scope: admin API as a person", { as });
    const body = { message: "by the person", files: [{ operation: "create", path: "mine.txt", content: "" }] };
    const answer = await gitea.send("POST", `${path}/contents`, { as, body });
    expect(answer).toMatchObject({ status: 201, body: { commit: { author: { email: alice.mail } } } });
  });

  it("of reading does not write, of the user does not see repositories", async () => {
    await replay(gitea, "scope: GET repo with read:user", { words, as: await token("read:user") });
    await replay(gitea, "scope: write with read:repository", { words, as: await token("read:repository") });
    await replay(gitea, "admin API as a person, LDAP password", { as: alice.basic });
  });

  it("does not help a member of a read team to write", async () => {
    const carol = await newPerson(gitea);
    const readers = { name: "readers", permission: "read", units_map: { "repo.code": "read" } };
    const id = idOf(await gitea.send("POST", `${organisation.path}/teams`, { body: readers }));
    await gitea.send("PUT", `/api/v1/teams/${id}/members/${carol.name}`);
    await gitea.send("PUT", `/api/v1/teams/${id}/repos/${organisation.name}/jupyterhub-alice`);
    await replay(gitea, "repo: GET by a member of a read team", { words, as: carol.basic, except });
    await replay(gitea, "contents: by a member of a read team", { words, as: carol.basic });
  });

  it("ends with a block, and comes back with it", async () => {
    const as = await token("write:repository");
    const change = (fields: object) =>
      gitea.send("PATCH", `/api/v1/admin/users/${alice.name}`, { body: { login_name: alice.name, ...fields } });
    const local = ["full_name", "source_id"];
    await replay(gitea, "leaver: prohibit_login", { words, except: local });
    await replay(gitea, "leaver: API with a token", { words, as });
    await replay(gitea, "leaver: prohibit_login off", { words, except: local });
    await replay(gitea, "leaver: API with a token, back", { words, as, except });
    await replay(gitea, "leaver: active false", { words, except: local });
    await replay(gitea, "leaver: inactive, API with a token", { words, as });
    await replay(gitea, "leaver: active true", { words, except: local });
    await change({ must_change_password: true });
    await replay(gitea, "must_change_password: API with a token", { words, as });
    await change({ must_change_password: false });
    expect((await gitea.send("GET", path, { as })).status).toBe(200);
  });
});
