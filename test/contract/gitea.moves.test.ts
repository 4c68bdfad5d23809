import { afterAll, describe, expect, it } from "vitest";
import { openGitea } from "../support/gitea.ts";
import { fresh, newOrganisation, newPerson, newRepository, newTeam } from "../support/gitea-builders.ts";
import { replay } from "./gitea-recordings.ts";

const gitea = await openGitea();
afterAll(() => gitea.stop());

describe("a repository that moves", async () => {
  const organisation = await newOrganisation(gitea, fresh("ilum-jupyterhub"));
  const alice = (await newPerson(gitea, fresh("alice"))).name;
  const words = { "ilum-jupyterhub": organisation.name, alice };
  const old = await newRepository(gitea, organisation, "ren-a");
  const files = [{ operation: "create", path: "a", content: "eA==" }];
  await gitea.send("POST", `${old}/contents`, { body: { message: "x", files } });

  it("leads on with 301 for every method, until its old name is taken again", async () => {
    await replay(gitea, "repo rename: PATCH name", { words });
    await replay(gitea, "repo rename: GET the old name", { words });
    await replay(gitea, "repo rename: contents by the old name", { words });
    expect((await gitea.send("GET", `${old}/commits?limit=1`)).headers.get("location")).toBe(
      `/api/v1/repos/${organisation.name}/ren-b/commits?limit=1`,
    );
    await newRepository(gitea, organisation, "ren-a");
    await replay(gitea, "repo rename: GET after the old name is taken again", { words });
  });

  it("goes to another owner at once when an admin wants it, and leads on from the old place", async () => {
    await replay(gitea, "transfer: to a user by the admin", { words });
    await replay(gitea, "transfer: GET the old place", { words });
    await replay(gitea, "transfer: GET the new place", { words });
    await replay(gitea, "transfer: back", { words });
    await replay(gitea, "transfer: GET after the way back", { words });
    await replay(gitea, "transfer: unknown owner", { words: { ...words, nosuch: fresh("nosuch") } });
  });

  it("takes no commits once it is archived", async () => {
    await replay(gitea, "repo: archive", { words });
    await replay(gitea, "contents: archived repo", { words });
  });

  it("is no longer a team's by its old name", async () => {
    await newRepository(gitea, organisation, "shown");
    const team = await newTeam(gitea, organisation, fresh("team"));
    const path = `/api/v1/teams/${team}/repos/${organisation.name}`;
    await gitea.send("PUT", `${path}/shown`);
    await gitea.send("PATCH", `/api/v1/repos/${organisation.name}/shown`, { body: { name: "shown-2" } });
    expect((await gitea.send("GET", `${path}/shown`)).status).toBe(404);
    expect((await gitea.send("GET", `${path}/shown-2`)).status).toBe(200);
  });
});
