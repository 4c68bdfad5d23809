import { afterAll, describe, expect, it } from "vitest";
import { openGitea } from "../support/gitea.ts";
import { fresh, idOf, itemsIn, newOrganisation, newPerson, newTeam } from "../support/gitea-builders.ts";
import { replay } from "./gitea-recordings.ts";

const gitea = await openGitea();
afterAll(() => gitea.stop());

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
  const units = { "repo.code": "write", "repo.issues": "write", "repo.pulls": "write", "repo.wiki": "none" };
  for (const [name, description] of [
    ["alice", "one person"],
    ["alice2", ""],
    ["xalice", ""],
    ["other", "about alice"],
    ["a_ice", ""],
  ]) {
    const units_map = name === "alice" ? units : { "repo.code": "write" };
    await gitea.send("POST", `${organisation.path}/teams`, {
      body: { name, description, permission: "write", units_map },
    });
  }

  it("finds one by its whole name, and lists all by name, whatever they may do", async () => {
    const other = await newOrganisation(gitea);
    for (const [name, change] of [
      ["u-admin", { permission: "admin" }],
      ["alice", { permission: "write", description: "one person", units_map: units }],
    ] as const) {
      await gitea.send("POST", `${other.path}/teams`, { body: { name, ...change } });
    }
    await replay(gitea, "team: list", { words: { "ilum-jupyterhub": other.name } });
    await replay(gitea, "team: search", { words: { "ilum-jupyterhub": other.name } });
  });

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
