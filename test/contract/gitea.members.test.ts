import { afterAll, describe, expect, it } from "vitest";
import { openGitea } from "../support/gitea.ts";
import { fresh, itemsIn, newOrganisation, newPerson, newTeam } from "../support/gitea-builders.ts";
import { replay } from "./gitea-recordings.ts";

const gitea = await openGitea();
afterAll(() => gitea.stop());

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
