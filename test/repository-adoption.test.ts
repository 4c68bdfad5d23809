import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { makeAccount, makeTeam, teamNamed } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { deliver, discard, lettersOf, NOTHING_TO_DO, outcomes, retryOf, summary, walkTo } from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { addPerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());
afterEach(() => discard(world, "templates"));

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
    await makeAccount(world, "friend");
    const id = await makeTeam(world, "cora", []);
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
