import { afterAll, describe, it } from "vitest";
import { openGitea } from "../support/gitea.ts";
import { fresh, newOrganisation, newPerson, newTeam } from "../support/gitea-builders.ts";
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
