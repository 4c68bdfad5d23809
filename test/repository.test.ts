import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { makeAccount, makeTeam, teamNamed } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import {
  deliver,
  lettersOf,
  NOTHING_TO_DO,
  outcomes,
  requestsOf,
  retryOf,
  summary,
  under,
  walkTo,
} from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { addPerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const ORG = "/repos/ilum-jupyterhub";
const letters = (user: string) => lettersOf(world.letters(), user);
const reasonFor = (user: string) => world.letters().find(({ envelope }) => envelope?.delivery.user === user)?.reason;
const spawn = async (user: string) => summary(await world.pass(spawnOf(user)));

/** The repository stage alone, for somebody who has got that far; the same envelope may go in again. */
async function arrive(uid: string) {
  await addPerson(world, { uid });
  const envelope = await walkTo(world, "repository", spawnOf(uid));
  return {
    ensure: async (using = world.handlers) => {
      const delivered = await deliver(world, "repository", envelope, using);
      return { ...delivered, outcomes: outcomes(delivered.lines) };
    },
  };
}

const Collaborators = z.array(z.object({ login: z.string() }));
async function collaborators(repository: string): Promise<string[]> {
  const found = Collaborators.parse(await world.view.get(`${ORG}/${repository}/collaborators?page=1&limit=50`));
  return found.map(({ login }) => login).sort();
}
async function teams(repository: string): Promise<string[]> {
  const found = await world.view.get(`${ORG}/${repository}/teams`);
  return z
    .array(z.object({ name: z.string() }))
    .parse(found)
    .map(({ name }) => name)
    .sort();
}
const forwarded = (user: string) =>
  world.envelopesIn("templates").find(({ delivery }) => delivery.user === user)?.repository;

describe("a person's repository", () => {
  it("is private, their team's, and theirs to share but not to lose; the second time nothing is written", async () => {
    const { ensure } = await arrive("ada2");
    expect((await ensure()).outcomes).toEqual(["repository.created"]);
    expect(forwarded("ada2")).toEqual({
      owner: "ilum-jupyterhub",
      name: "jupyterhub-ada2",
      isEmpty: true,
      defaultBranch: "main",
    });
    expect(await world.view.get(`${ORG}/jupyterhub-ada2`)).toMatchObject({ private: true, default_branch: "main" });
    expect(await teams("jupyterhub-ada2")).toEqual(["Owners", "ada2"]);
    expect(await world.view.get(`${ORG}/jupyterhub-ada2/collaborators/ada2/permission`)).toMatchObject({
      permission: "admin",
    });
    expect(await world.view.send("DELETE", `${ORG}/jupyterhub-ada2`, undefined, "ada2")).toBe(403);
    const again = await ensure();
    expect(again).toMatchObject({ outcomes: ["repository.unchanged"] });
    expect(again.lines).toMatchObject([{ giteaRequests: 2, giteaWrites: 0 }]);
    await world.drain();
  });

  it("can only be written to where sharing is off", async () => {
    const { ensure } = await arrive("bob2");
    const { handlers } = under(world, { GITEA_SHARING: "false" });
    expect((await ensure(handlers)).outcomes).toEqual(["repository.created"]);
    expect(await collaborators("jupyterhub-bob2")).toEqual([]);
    expect((await ensure(handlers)).outcomes).toEqual(["repository.unchanged"]);
    expect((await ensure()).outcomes).toEqual(["repository.updated"]);
    expect(await collaborators("jupyterhub-bob2")).toEqual(["bob2"]);
  });

  it("stays as its person has changed it: visible, described, shared, with branches", async () => {
    await addPerson(world, { uid: "cora" });
    await makeAccount(world, "friend");
    await spawn("cora");
    const place = `${ORG}/jupyterhub-cora`;
    const change = { private: false, description: "Spectra", website: "https://cora.example" };
    expect(await world.view.send("PATCH", place, change, "cora")).toBe(200);
    expect(await world.view.send("PUT", `${place}/collaborators/friend`, { permission: "read" }, "cora")).toBe(204);
    const files = [{ operation: "create", path: "mine.txt", content: Buffer.from("mine").toString("base64") }];
    const push = { message: "mine", new_branch: "mine", files };
    expect(await world.view.send("POST", `${place}/contents`, push, "cora")).toBe(201);
    const theirs = { private: false, description: "Spectra", website: "https://cora.example", name: "jupyterhub-cora" };
    expect(await world.view.get(place)).toMatchObject(theirs);
    expect(await spawn("cora")).toEqual(NOTHING_TO_DO);
    expect(await world.view.get(place)).toMatchObject(theirs);
    expect(await world.view.get(`${place}/branches/mine`)).toMatchObject({ name: "mine" });
    expect(await collaborators("jupyterhub-cora")).toEqual(["cora", "friend"]);
  });

  it("is found under the name that its person gave it, for one request more, and never made twice", async () => {
    await addPerson(world, { uid: "dean" });
    await spawn("dean");
    const usual = requestsOf(await world.pass(spawnOf("dean")));
    expect(await world.view.send("PATCH", `${ORG}/jupyterhub-dean`, { name: "thesis" }, "dean")).toBe(200);
    const lines = await world.pass(spawnOf("dean"));
    expect(summary(lines)).toEqual(NOTHING_TO_DO);
    expect(requestsOf(lines)).toBe(usual + 1);
    expect(lines.find(({ stage }) => stage === "repository")?.repository).toBe("ilum-jupyterhub/thesis");
    expect(await world.view.get(`${ORG}/thesis`)).toMatchObject({ name: "thesis" });
  });
});

describe("a repository of the person's name", () => {
  it("left half-made by a crash is theirs: empty, without another team or person", async () => {
    const { ensure } = await arrive("ed");
    await world.view.send("POST", "/orgs/ilum-jupyterhub/repos", { name: "jupyterhub-ed", private: true });
    expect((await ensure()).outcomes).toEqual(["repository.updated"]);
    expect(await teams("jupyterhub-ed")).toEqual(["Owners", "ed"]);
    expect(await collaborators("jupyterhub-ed")).toEqual(["ed"]);
    expect((await ensure()).outcomes).toEqual(["repository.unchanged"]);
  });

  it("left half-made is theirs also in any case, and where another team has all repositories anyway", async () => {
    const { ensure } = await arrive("fred");
    const rights = { includes_all_repositories: true, permission: "read", units_map: { "repo.code": "read" } };
    await makeTeam(world, "everything", [], rights);
    await world.view.send("POST", "/orgs/ilum-jupyterhub/repos", { name: "JupyterHub-Fred", private: true });
    expect(await teams("jupyterhub-fred")).toEqual(["Owners", "everything"]);
    expect((await ensure()).outcomes).toEqual(["repository.updated"]);
    const { id } = await teamNamed(world, "everything");
    await world.view.send("DELETE", `/teams/${id}`);
  });

  it.runIf(IS_STAND_IN)("whose answers were lost, one after the other, is completed", async () => {
    const { ensure } = await arrive("gail");
    for (const path of [
      "/orgs/ilum-jupyterhub/repos",
      "/repos/ilum-jupyterhub/jupyterhub-gail",
      "/collaborators/gail",
    ]) {
      world.gitea.faults.add({ pattern: `${path}$`, method: path.startsWith("/orgs") ? "POST" : "PUT", drop: "after" });
    }
    const first = await ensure();
    expect(retryOf(first.lines)?.code).toBe("gitea.unreachable");
    for (const isDone of [false, false, true]) expect((await first.again()).isDone).toBe(isDone);
    expect(await collaborators("jupyterhub-gail")).toEqual(["gail"]);
    await world.drain();
  });

  it("is somebody else's when it has content, another team or another person; nothing is written", async () => {
    const { id } = await teamNamed(world, "cora");
    const cases = [
      { uid: "hans", body: { auto_init: true }, why: "it has content" },
      { uid: "ines", team: id, why: "team cora has it" },
      { uid: "jack", person: "friend", why: "friend may use it" },
    ];
    for (const { uid, body, team, person, why } of cases) {
      const { ensure } = await arrive(uid);
      const name = `jupyterhub-${uid}`;
      await world.view.send("POST", "/orgs/ilum-jupyterhub/repos", { name, private: true, ...body });
      if (team) await world.view.send("PUT", `/teams/${team}/repos/ilum-jupyterhub/${name}`);
      if (person) await world.view.send("PUT", `${ORG}/${name}/collaborators/${person}`, { permission: "read" });
      const { lines } = await ensure();
      expect([uid, letters(uid)]).toEqual([uid, ["repository permanent repository.taken"]]);
      expect(reasonFor(uid)).toContain(why);
      expect(lines.every(({ giteaWrites = 0 }) => giteaWrites === 0)).toBe(true);
      expect(await teams(name)).not.toContain(uid);
    }
  });

  it("is somebody else's also when that person has shared it with them", async () => {
    await arrive("kira");
    await addPerson(world, { uid: "luke" });
    await spawn("luke");
    await world.view.send("PATCH", `${ORG}/jupyterhub-luke`, { name: "jupyterhub-kira" }, "luke");
    await world.view.send("PUT", `${ORG}/jupyterhub-kira/collaborators/kira`, { permission: "admin" }, "luke");
    await spawn("kira");
    expect(letters("kira")).toEqual(["repository permanent repository.taken"]);
    expect(reasonFor("kira")).toMatch(/it has content; team luke has it; luke may use it/);
  });

  it("that somebody else's rename left as a redirect is made anew, and the redirect ends", async () => {
    await addPerson(world, { uid: "mary" });
    await addPerson(world, { uid: "ned" });
    await spawn("mary");
    for (const name of ["jupyterhub-ned", "marys"]) {
      const current = name === "marys" ? "jupyterhub-ned" : "jupyterhub-mary";
      expect(await world.view.send("PATCH", `${ORG}/${current}`, { name }, "mary")).toBe(200);
    }
    expect((await spawn("ned")).outcomes).toContain("repository.created");
    expect(await teams("jupyterhub-ned")).toEqual(["Owners", "ned"]);
    expect(await spawn("mary")).toEqual(NOTHING_TO_DO);
    expect(letters("ned")).toEqual([]);
  });
});

describe.runIf(IS_STAND_IN)("a repository that Gitea is just moving", () => {
  it("is looked for again when two redirects follow each other, and when it came and went", async () => {
    const { ensure } = await arrive("otis");
    const to = (name: string) => ({ location: `/api/v1/repos/ilum-jupyterhub/${name}` });
    world.gitea.faults.add({
      method: "GET",
      path: "/jupyterhub-otis",
      status: 301,
      headers: to("round"),
      sudo: "otis",
    });
    world.gitea.faults.add({ method: "GET", path: "/round", status: 301, headers: to("jupyterhub-otis") });
    const circle = await ensure();
    expect(retryOf(circle.lines)?.code).toBe("repository.in-motion");
    world.gitea.faults.clear();
    world.gitea.faults.add({ method: "POST", path: "/orgs/ilum-jupyterhub/repos", status: 409 });
    expect(retryOf((await circle.again()).lines)?.code).toBe("repository.in-motion");
    expect((await circle.again()).isDone).toBe(true);
    await world.drain();
  });

  it("is made at the second try when files without a row are in the way (state D)", async () => {
    const { ensure } = await arrive("pete");
    await world.gitea.setState("ilum-jupyterhub", "jupyterhub-pete", "D");
    const first = await ensure();
    expect(retryOf(first.lines)?.code).toBe("gitea.failing");
    expect(outcomes((await first.again()).lines)).toEqual(["repository.created"]);
    await world.drain();
  });
});
