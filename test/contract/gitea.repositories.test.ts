import { afterAll, describe, expect, it } from "vitest";
import { openGitea } from "../support/gitea.ts";
import { fresh, newOrganisation, newPerson, newRepository, newTeam } from "../support/gitea-builders.ts";
import { recordingsNamed, replay } from "./gitea-recordings.ts";

const gitea = await openGitea();
afterAll(() => gitea.stop());

/** The recorded commit's own author, not ours: its SHA is recorded too. */
const recorded = {
  body: {
    message: "Starter files\n\nHubforge-Event: e1",
    files: [{ operation: "create", path: "README.md", content: "IyBIZWxsbwo=" }],
    author: { name: "Alice Example", email: "alice@example.org" },
    committer: { name: "hubforge", email: "ilum@ilum" },
    dates: { author: "2026-01-02T03:04:05Z", committer: "2026-01-02T03:04:05Z" },
  },
  except: ["email"],
};

describe("a repository in an organisation", async () => {
  const organisation = await newOrganisation(gitea, fresh("ilum-jupyterhub"));
  const alice = await newPerson(gitea, fresh("alice"));
  const words = { "ilum-jupyterhub": organisation.name, alice: alice.name, nosuch: fresh("nosuch") };

  it("is made once, empty, under a name whose case does not count", async () => {
    // Other than when it was recorded, the organisation's full name is empty.
    await replay(gitea, "repo: GET before create", { words });
    await replay(gitea, "repo: create in an org", { words, except: ["owner", "default_allow_maintainer_edit"] });
    await replay(gitea, "repo: create again", { words });
    await replay(gitea, "repo: create other case", { words });
    await replay(gitea, "repo: GET other case", { words });
    await replay(gitea, "repo: GET, empty", { words });
  });

  it("needs an organisation, not a person; by way of the admin any owner will do", async () => {
    await replay(gitea, "repo: create, unknown org", { words });
    await replay(gitea, "repo: create, unknown user", { words });
    await replay(gitea, "repo: create, org name is a user", { words });
    await replay(gitea, "repo: create via admin/users with an org name", { words });
    await replay(gitea, "repo: create for a person", { words });
    await replay(gitea, "repo: create for a person again", { words });
    await replay(gitea, "contents: by the service in the repo of a person", {
      words: { alice: alice.name },
      ...recorded,
    });
  });

  it.each(recordingsNamed("repo: name "))("has rules for its name: «%s»", async (name) => {
    await replay(gitea, name, { words });
  });

  it("has a limit for its description, and no name that ends in .git", async () => {
    const body = { name: "longdesc", description: "x".repeat(2049), private: true };
    await replay(gitea, "repo: description 2049", { words, body });
    await replay(gitea, "repo: jupyterhub-foo.git", { words });
  });

  it("answers in its own ways while it is empty", async () => {
    await replay(gitea, "repo: commits of an empty repo", { words });
    await replay(gitea, "repo: contents of an empty repo", { words });
    await replay(gitea, "repo: branches of an empty repo", { words });
    await replay(gitea, "repo: branch of an empty repo", { words });
    await replay(gitea, "repo: file of an empty repo", { words });
    await replay(gitea, "repo: tree of an empty repo", { words });
    const path = `/api/v1/repos/${organisation.name}/jupyterhub-${alice.name}`;
    expect((await gitea.send("GET", `${path}/git/commits/main`)).status).toBe(404);
    expect((await gitea.send("GET", `${path}/git/refs`)).status).toBe(404);
  });

  it("is nobody's but the admin's until a team has it, then the team's, with push and no more", async () => {
    const team = await newTeam(gitea, organisation, alice.name);
    await gitea.send("PUT", `/api/v1/teams/${team}/members/${alice.name}`);
    const ours = { ...words, "teams/4": `teams/${team}` };
    await replay(gitea, "repo: GET by the person before the team has it", { words, as: alice.basic });
    await replay(gitea, "team repo: GET before", { words: ours });
    await replay(gitea, "team repo: PUT", { words: ours });
    await replay(gitea, "team repo: PUT again", { words: ours });
    await replay(gitea, "team repo: GET", { words: ours });
    await replay(gitea, "team repo: PUT unknown repo", { words: ours });
    await replay(gitea, "team repo: list", { words: ours });
    await replay(gitea, "repo: GET by the person through the team", { words, as: alice.basic });
    await replay(gitea, "repo: GET by another user", { words, as: (await newPerson(gitea)).basic });
    await replay(gitea, "repo: GET anonymous", { words });
  });

  it("can't be given to a team of another organisation", async () => {
    const elsewhere = await newOrganisation(gitea);
    await newRepository(gitea, elsewhere, "mine");
    const team = await newTeam(gitea, organisation, fresh("team"));
    const answer = await gitea.send("PUT", `/api/v1/teams/${team}/repos/${elsewhere.name}/mine`);
    expect(answer).toMatchObject({ status: 404, body: { errors: null, message: "not found" } });
  });

  it("lists its teams, Owners first, and those of all repositories", async () => {
    const everything = { name: "everything", permission: "admin", includes_all_repositories: true };
    await gitea.send("POST", `${organisation.path}/teams`, { body: everything });
    const path = await newRepository(gitea, organisation, fresh("half-made"));
    const teams = await gitea.send("GET", `${path}/teams`);
    expect(teams.body).toMatchObject([
      { name: "Owners", permission: "owner" },
      { name: "everything", permission: "admin" },
    ]);
    expect(await gitea.send("GET", `${path}/collaborators`)).toMatchObject({ status: 200, body: [] });
  });

  it("is described by the service, and found by a part of its name", async () => {
    await replay(gitea, "repo: PATCH description only", { words, except: ["empty"] });
    const found = await gitea.send("GET", `/api/v1/repos/search?q=jupyterhub-${alice.name}&limit=1`);
    expect(found).toMatchObject({ status: 200, body: { ok: true, data: [{ name: `jupyterhub-${alice.name}` }] } });
  });

  it("can't be made by a member, who may not change or delete one either", async () => {
    await replay(gitea, "repo: create in the org by a member", { words, as: alice.basic });
    await replay(gitea, "repo: PATCH by a person with write", { words, as: alice.basic });
    await replay(gitea, "repo: DELETE by the person with write access", { words, as: alice.basic });
    await replay(gitea, "sharing: the person adds a collaborator with write access only", {
      words: { ...words, bob: (await newPerson(gitea)).name },
      as: alice.basic,
    });
  });

  it("loses a team as often as you like, and is gone after DELETE", async () => {
    const path = await newRepository(gitea, organisation, "sudo1");
    const team = await newTeam(gitea, organisation, fresh("team"));
    await gitea.send("PUT", `/api/v1/teams/${team}/repos/${organisation.name}/sudo1`);
    await replay(gitea, "team repo: DELETE", { words: { ...words, "teams/4": `teams/${team}` } });
    await replay(gitea, "team repo: DELETE again", { words: { ...words, "teams/4": `teams/${team}` } });
    expect((await gitea.send("DELETE", path)).status).toBe(204);
    await newRepository(gitea, organisation, "left");
    await replay(gitea, "repo: DELETE", { words });
    await replay(gitea, "repo: DELETE again", { words });
  });

  it("has no hooks, watchers or notifications that nobody asked for", async () => {
    await newRepository(gitea, organisation, "sudo1");
    await replay(gitea, "hooks of the org", { words });
    await replay(gitea, "hooks of a repo", { words });
    await replay(gitea, "system hooks");
    await replay(gitea, "notifications of the person", { words, as: alice.basic });
    await replay(gitea, "watchers of a repo", { words });
  });
});

describe("a repository of a person without any quota", () => {
  it("is made by the admin, but not by the person", async () => {
    const carol = await newPerson(gitea, fresh("carol"));
    const none = { login_name: carol.name, max_repo_creation: 0 };
    await gitea.send("PATCH", `/api/v1/admin/users/${carol.name}`, { body: none });
    const words = { carol: carol.name };
    await replay(gitea, "repo: create for a person whose quota is 0, by the admin", { words });
    await replay(gitea, "repo: create by the person whose quota is 0", { words, as: carol.basic });
  });
});
