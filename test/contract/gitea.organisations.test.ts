import { afterAll, describe, expect, it } from "vitest";
import { fresh, idOf, itemsIn, newOrganisation, newPerson, newTeam, openGitea } from "../support/gitea.ts";
import { replay } from "./gitea-recordings.ts";

const gitea = await openGitea();
afterAll(() => gitea.stop());

describe("an organisation", async () => {
  const words = { "ilum-jupyterhub": fresh("ilum-jupyterhub"), alice: (await newPerson(gitea)).name };

  it("is made once and shares its names with people, in any case", async () => {
    await replay(gitea, "org: GET before create", { words });
    await replay(gitea, "org: create", { words });
    await replay(gitea, "org: create again", { words });
    await replay(gitea, "org: create other case", { words });
    await replay(gitea, "org: create with the name of a user", { words });
    await replay(gitea, "org: create reserved");
    await replay(gitea, "org: create bad name");
    await replay(gitea, "org: create bad visibility");
    await replay(gitea, "org: GET", { words });
  });

  it("loses the text fields that a change leaves out", async () => {
    await replay(gitea, "org: PATCH full_name only", { words });
    await replay(gitea, "org: PATCH all", { words });
  });

  it("is another 404 for a stranger when it is private than when it is not there", async () => {
    await replay(gitea, "org: GET private org as a non-member", { words, as: (await newPerson(gitea)).basic });
  });

  it("answers as a user too, by GET, PATCH and as a team's member", async () => {
    const anorg = fresh("anorg");
    const made = await newOrganisation(gitea, anorg);
    await replay(gitea, "patch user: target is an org", { words: { anorg }, except: ["visibility"] });
    await replay(gitea, "user: GET by the name of an org", { words: { anorg }, except: ["visibility"] });
    const team = await newTeam(gitea, made, "odd");
    await replay(gitea, "member: PUT an org as member", { words: { anorg, "teams/4": `teams/${team}` } });
  });

  it("is redirected with 307 after its rename, its teams as well", async () => {
    const racorg = fresh("racorg");
    const renamed = { racorg, racorg2: fresh("racorg") };
    // A public one: a private one's new name is nothing for strangers.
    await gitea.send("POST", "/api/v1/orgs", { body: { username: racorg } });
    await replay(gitea, "rename: org", { words: renamed });
    await replay(gitea, "rename: GET the old org name", { words: renamed });
    await replay(gitea, "rename: teams of the old org name", { words: renamed });
  });

  it("can't be deleted while it has repositories", async () => {
    const { name, path } = await newOrganisation(gitea);
    await gitea.send("POST", `${path}/repos`, { body: { name: "kept", private: true } });
    await replay(gitea, "org: DELETE with repositories", { words: { "ilum-jupyterhub": name } });
    const ownerless = (await newOrganisation(gitea)).name;
    await replay(gitea, "org: DELETE", { words: { ownerless } });
    await replay(gitea, "org: DELETE again", { words: { ownerless } });
  });
});

describe("a team", async () => {
  const organisation = await newOrganisation(gitea, fresh("ilum-jupyterhub"));
  const words = { "ilum-jupyterhub": organisation.name };
  const team = (id: number) => ({ ...words, "teams/4": `teams/${id}` });

  it("begins with the Owners, who have every unit", async () => {
    await replay(gitea, "team: list of a fresh org", { words });
  });

  it("is made once per name in any case; owners is taken and new impossible", async () => {
    const made = await replay(gitea, "team: create", { words });
    await replay(gitea, "team: create again", { words });
    await replay(gitea, "team: create other case", { words });
    await replay(gitea, "team: reserved name new", { words });
    await replay(gitea, "team: name Owners", { words });
    await replay(gitea, "team: name owners", { words });
    await replay(gitea, "team: name with space", { words });
    await replay(gitea, "team: name with @", { words });
    await replay(gitea, "team: empty name", { words });
    await replay(gitea, "team: GET", { words: team(idOf(made)) });
    await replay(gitea, "team: GET unknown");
  });

  it("answers none whatever level was asked, save admin, and takes unknown units silently", async () => {
    for (const name of [
      "team: no units",
      "team: units list",
      "team: unknown unit",
      "team: unknown unit permission",
      "team: permission read with a write unit",
      "team: permission write with an admin unit",
      "team: permission admin",
      "team: permission omitted",
      "team: permission owner",
      "team: permission unknown",
    ]) {
      await replay(gitea, name, { words });
    }
  });

  it("changes only what is asked, all repositories only together with a permission", async () => {
    const { name } = organisation;
    const listed = await gitea.send("GET", `/api/v1/orgs/${name}/teams/search?q=alice&include_desc=false`);
    const id = itemsIn(listed)[0]?.id ?? 0;
    for (const step of [
      "team: PATCH without name",
      "team: PATCH includes_all_repositories without permission",
      "team: PATCH includes_all_repositories with permission",
      "team: PATCH includes_all_repositories back",
      "team: PATCH to a name in use",
      "team: PATCH description",
    ]) {
      await replay(gitea, step, { words: team(id) });
    }
  });

  it("keeps its admin units when it goes back to write without units", async () => {
    const body = { name: fresh("levels"), permission: "admin" };
    const id = idOf(await gitea.send("POST", `${organisation.path}/teams`, { body }));
    const back = await gitea.send("PATCH", `/api/v1/teams/${id}`, { body: { name: body.name, permission: "write" } });
    expect(back).toMatchObject({ status: 200, body: { permission: "none", units_map: { "repo.code": "admin" } } });
    const units_map = { "repo.code": "write" };
    const cured = await gitea.send("PATCH", `/api/v1/teams/${id}`, { body: { permission: "write", units_map } });
    expect(cured.body).toMatchObject({ permission: "none", units_map });
  });

  it("is gone after DELETE, and with a person's last team the membership", async () => {
    const carol = (await newPerson(gitea)).name;
    const id = await newTeam(gitea, organisation, fresh("short"));
    await gitea.send("PUT", `/api/v1/teams/${id}/members/${carol}`);
    await replay(gitea, "team: DELETE", { words: { "teams/19": `teams/${id}` } });
    await replay(gitea, "team: DELETE again", { words: { "teams/19": `teams/${id}` } });
    await replay(gitea, "org: membership after the last team was deleted", { words: { ...words, carol } });
  });

  it("may even be the Owners, which leaves an organisation without any", async () => {
    const ownerless = (await newOrganisation(gitea)).name;
    const [owners] = itemsIn(await gitea.send("GET", `/api/v1/orgs/${ownerless}/teams`));
    await replay(gitea, "team: DELETE Owners (another org)", { words: { "teams/18": `teams/${owners?.id}` } });
    await replay(gitea, "team: list of an org without Owners", { words: { ownerless } });
    await replay(gitea, "org: members of an org without Owners", { words: { ownerless } });
  });
});

describe("somebody who looks for a team", async () => {
  const organisation = await newOrganisation(gitea, fresh("ilum-jupyterhub"));
  const words = { "ilum-jupyterhub": organisation.name };
  for (const [name, description] of [
    ["alice", "one person"],
    ["alice2", ""],
    ["xalice", ""],
    ["other", "about alice"],
    ["a_ice", ""],
  ]) {
    const units = { "repo.code": "write", "repo.issues": "write", "repo.pulls": "write", "repo.wiki": "none" };
    const units_map = name === "alice" ? units : { "repo.code": "write" };
    await gitea.send("POST", `${organisation.path}/teams`, {
      body: { name, description, permission: "write", units_map },
    });
  }

  it("finds every name that contains the words, in any case, with _ as a wildcard", async () => {
    await replay(gitea, "team: search is a substring match", { words });
    await replay(gitea, "team: search with an underscore", { words });
  });

  it("finds descriptions too unless that is switched off", async () => {
    const answer = await replay(gitea, "team: search with descriptions", { words });
    expect(answer.headers.get("x-total-count")).toBe("4");
    const mark = fresh("mark");
    const body = { name: "marked", description: `Directory id: ${mark}`, permission: "read", units: ["repo.code"] };
    await gitea.send("POST", `${organisation.path}/teams`, { body });
    const search = (query: string) => gitea.send("GET", `${organisation.path}/teams/search?q=${mark}${query}`);
    expect((await search("")).body).toMatchObject({ data: [{ name: "marked" }] });
    expect((await search("&include_desc=true")).body).toMatchObject({ data: [{ name: "marked" }] });
    expect((await search("&include_desc=false")).body).toMatchObject({ data: [] });
  });
});

describe("a member", async () => {
  const organisation = await newOrganisation(gitea, fresh("ilum-jupyterhub"));
  const alice = await newPerson(gitea, fresh("alice"));
  const bob = await newPerson(gitea, fresh("bob"));
  const team = await newTeam(gitea, organisation, "alice");
  const other = await newTeam(gitea, organisation, "others");
  const words = {
    "ilum-jupyterhub": organisation.name,
    alice: alice.name,
    bob: bob.name,
    nosuch: fresh("nosuch"),
    "teams/4": `teams/${team}`,
    "teams/17": `teams/${other}`,
  };
  const except = ["email", "full_name", "login_name", "source_id"];

  it("is put into a team as often as you like, in any case", async () => {
    await replay(gitea, "member: GET before", { words });
    await replay(gitea, "member: PUT", { words });
    await replay(gitea, "member: PUT again", { words });
    await replay(gitea, "member: PUT other case", { words });
    await replay(gitea, "member: GET", { words, except });
    await replay(gitea, "member: list", { words, except });
    await replay(gitea, "member: PUT unknown user", { words });
    await replay(gitea, "member: PUT unknown team", { words });
    await replay(gitea, "member: GET non-member", { words });
    await replay(gitea, "member: DELETE non-member", { words });
  });

  it("leaves the organisation with the last team", async () => {
    const carol = (await newPerson(gitea)).name;
    await replay(gitea, "member: PUT back", { words });
    await replay(gitea, "org: member check", { words });
    await replay(gitea, "org: member check, no member", { words: { ...words, carol } });
    const unknown = await gitea.send("GET", `${organisation.path}/members/${fresh("nosuch")}`);
    expect(unknown).toMatchObject({ status: 404, body: { message: "GetUserByName" } });
    await replay(gitea, "member: DELETE the last team of a person", { words });
    await replay(gitea, "org: membership gone with the last team", { words });
  });

  it("sees all teams with their descriptions, and may change none", async () => {
    const list = await gitea.send("GET", `${organisation.path}/teams?page=1&limit=50`, { as: alice.basic });
    expect(list).toMatchObject({ status: 200, body: [{ name: "alice" }, { name: "others" }, { name: "Owners" }] });
    await replay(gitea, "team: create by a member", { words, as: alice.basic });
    await replay(gitea, "member: PUT by a member", { words, as: alice.basic });
  });

  it("is put into a team while blocked, and leaves every team with the organisation", async () => {
    const heidi = (await newPerson(gitea)).name;
    await gitea.send("PATCH", `/api/v1/admin/users/${heidi}`, { body: { login_name: heidi, prohibit_login: true } });
    await replay(gitea, "member: PUT a person with prohibit_login", { words: { ...words, heidi } });
    await replay(gitea, "org: DELETE member", { words: { ...words, heidi } });
    await replay(gitea, "member: gone from the team with the org membership", { words: { ...words, heidi } });
    await replay(gitea, "org: DELETE member again", { words: { ...words, heidi } });
  });

  it("can't be the last owner to go, and can't come without a team", async () => {
    const [, , owners] = itemsIn(await gitea.send("GET", `${organisation.path}/teams`));
    expect(owners).toMatchObject({ name: "Owners" });
    await replay(gitea, "member: DELETE the last owner", { words: { ...words, "teams/2": `teams/${owners?.id}` } });
    await replay(gitea, "org: remove the last owner as member", { words });
    await replay(gitea, "org: PUT member without a team (no such route)", { words: { ...words, carol: bob.name } });
  });

  it("shows its teams of all organisations under Sudo, also while blocked", async () => {
    const person = await newPerson(gitea);
    const path = "/api/v1/user/teams?page=1&limit=50";
    const sudo = person.name;
    expect(await gitea.send("GET", path, { sudo })).toMatchObject({ status: 200, body: [] });
    await gitea.send("PUT", `/api/v1/teams/${other}/members/${sudo}`);
    const shown = { id: other, name: "others", organization: { name: organisation.name } };
    expect((await gitea.send("GET", path, { sudo })).body).toMatchObject([shown]);
    const block = { login_name: sudo, prohibit_login: true };
    await gitea.send("PATCH", `/api/v1/admin/users/${sudo}`, { body: block });
    expect(await gitea.send("GET", path, { sudo })).toMatchObject({ status: 200, body: [shown] });
    await replay(gitea, "rights: teams of an unknown person under Sudo", { words });
  });
});
