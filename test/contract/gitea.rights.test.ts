import { afterAll, describe, expect, it } from "vitest";
import { openGitea } from "../support/gitea.ts";
import { fresh, idOf, newOrganisation, newPerson, newRepository, newTeam } from "../support/gitea-builders.ts";
import { replay } from "./gitea-recordings.ts";

const gitea = await openGitea();
afterAll(() => gitea.stop());

describe("a person's rights on a repository", async () => {
  const organisation = await newOrganisation(gitea, fresh("ilum-jupyterhub"));
  const alice = (await newPerson(gitea, fresh("alice"))).name;
  const bob = (await newPerson(gitea, fresh("bob"))).name;
  const words = { "ilum-jupyterhub": organisation.name, alice, bob };
  await newRepository(gitea, organisation, `jupyterhub-${alice}`);
  const team = await newTeam(gitea, organisation, alice);
  await gitea.send("PUT", `/api/v1/teams/${team}/members/${alice}`);

  it("are push by a write team; as an admin collaborator also sharing, renaming and publishing", async () => {
    await replay(gitea, "rights: repository under Sudo before the team has it", { words });
    await gitea.send("PUT", `/api/v1/teams/${team}/repos/${organisation.name}/jupyterhub-${alice}`);
    await replay(gitea, "rights: repository under Sudo, write team", { words });
    await replay(gitea, "rights: write team adds a collaborator", { words });
    await replay(gitea, "rights: service adds the person as admin collaborator", { words });
    await replay(gitea, "rights: the same again", { words });
    await replay(gitea, "rights: permission of the collaborator", { words, except: ["user"] });
    await replay(gitea, "rights: repository under Sudo, write team and admin collaborator", { words });
    await replay(gitea, "rights: admin collaborator adds a collaborator", { words });
    await replay(gitea, "rights: repository under Sudo of the invited person", { words });
    await replay(gitea, "rights: admin collaborator deletes", { words });
    await replay(gitea, "rights: admin collaborator transfers", { words });
    await replay(gitea, "rights: admin collaborator makes it public", { words });
    await replay(gitea, "rights: public repository of a private organisation, anonymous", { words });
    await replay(gitea, "rights: admin collaborator renames", { words });
    await replay(gitea, "rights: old name after the rename, under Sudo", { words });
    await replay(gitea, "rights: new place", { words });
  });

  it("let somebody take another person's name, who gets 404 and whose POST is refused, until it is given back", async () => {
    const path = `/api/v1/repos/${organisation.name}`;
    const mine = `jupyterhub-${bob}`;
    const rename = (from: string, name: string) =>
      gitea.send("PATCH", `${path}/${from}`, { sudo: alice, body: { name } });
    expect((await rename("renamed", mine)).status).toBe(200);
    const stranger = (await newPerson(gitea)).name;
    expect((await gitea.send("GET", `${path}/${mine}`, { sudo: stranger })).status).toBe(404);
    const wanted = { body: { name: mine, private: true } };
    expect((await gitea.send("POST", `${organisation.path}/repos`, wanted)).status).toBe(409);
    await rename(mine, "renamed");
    expect((await gitea.send("GET", `${path}/${mine}`, { sudo: stranger })).status).toBe(301);
    expect((await gitea.send("POST", `${organisation.path}/repos`, wanted)).status).toBe(201);
    expect((await gitea.send("GET", `${path}/${mine}`, { sudo: stranger })).status).toBe(404);
  });

  it("are the owner's in a team with admin: it may delete, but not make teams or repositories", async () => {
    const admins = { name: "admins", permission: "admin", includes_all_repositories: true };
    const made = await gitea.send("POST", `${organisation.path}/teams`, { body: admins });
    await gitea.send("PUT", `/api/v1/teams/${idOf(made)}/members/${alice}`);
    await replay(gitea, "rights: admin team creates a team", { words });
    await replay(gitea, "rights: admin team creates a repository", { words });
    await replay(gitea, "rights: admin team deletes the repository", { words });
  });

  it("come and go with a collaborator's place", async () => {
    await newRepository(gitea, organisation, "tmpl");
    const carol = (await newPerson(gitea, fresh("carol"))).name;
    for (const step of ["PUT", "PUT again", "permission", "DELETE"]) {
      await replay(gitea, `collaborator: ${step}`, { words: { ...words, carol }, except: ["user"] });
    }
    const path = `/api/v1/repos/${organisation.name}/tmpl/collaborators/${carol}`;
    const stays = await gitea.send("PUT", `${path}${fresh("x")}`, { body: { permission: "read" } });
    expect(stays.status).toBe(422);
    expect((await gitea.send("GET", path)).status).toBe(404);
  });
});
