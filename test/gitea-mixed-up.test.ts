import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { StageName } from "#shared/pipeline.ts";
import { accountOf, membersOf, teamNamed, teamsOf } from "./support/accounts.ts";
import { commitsOf } from "./support/commits.ts";
import { spawnOf } from "./support/envelopes.ts";
import { deliver, discard, outcomes, retryOf, walkTo } from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { addPerson, renamePerson } from "./support/people.ts";
import { createHandlers, startWorld, type World } from "./support/world.ts";

/** A cache or a proxy before Gitea that gives one person's answer to another's question. */
let world: World;
beforeAll(async () => {
  world = await startWorld();
  await addPerson(world, { uid: "zed" });
  await world.pass(spawnOf("zed"));
});
afterAll(() => world.stop());
afterEach(() => world.gitea.faults.clear());

type Fault = Parameters<World["gitea"]["faults"]["add"]>[0];

/** The stage of this person's spawn while Gitea's answer is another's, and once more when it is right again. */
async function mixedUp(uid: string, stage: StageName, fault: Fault) {
  const envelope = await walkTo(world, stage, spawnOf(uid));
  world.gitea.faults.add({ status: 200, ...fault });
  const wrong = await deliver(world, stage, envelope);
  world.gitea.faults.clear();
  const right = await wrong.again();
  await discard(world, "team", "repository", "templates");
  return { code: retryOf(wrong.lines)?.code, later: outcomes(right.lines) };
}

describe.runIf(IS_STAND_IN)("somebody else's data in an answer", () => {
  it("gives nobody another's account, when it is made or when the uid has changed", async () => {
    for (const uid of ["fox", "ann"]) await addPerson(world, { uid });
    const zed = await world.view.get("/users/zed");
    const before = await accountOf(world, "zed");
    const made = await mixedUp("fox", "account", { method: "POST", path: "/admin/users", status: 201, body: zed });
    expect(made).toEqual({ code: "gitea.unreadable", later: ["account.created"] });
    await world.pass(spawnOf("ann"));
    await renamePerson(world, "ann", "ann2");
    const renamed = await mixedUp("ann2", "account", { method: "GET", path: "/users/ann", nth: 2, body: zed });
    expect(renamed).toEqual({ code: "gitea.unreadable", later: ["account.updated"] });
    expect(await accountOf(world, "zed")).toEqual(before);
  });

  it("puts nobody into another's team", async () => {
    await addPerson(world, { uid: "eve" });
    const body = { ...(await teamNamed(world, "zed")), organization: null };
    const fault = { method: "POST", path: "/teams", status: 201, body };
    expect(await mixedUp("eve", "team", fault)).toEqual({ code: "gitea.unreadable", later: ["team.created"] });
    expect(await membersOf(world, "zed")).toEqual(["zed"]);
    expect(await teamsOf(world, "eve")).toEqual(["eve"]);
  });

  it("proves no repository to be theirs, and fills none", async () => {
    for (const uid of ["cat", "dog"]) await addPerson(world, { uid });
    await walkTo(world, "templates", spawnOf("dog")); // made, and empty
    const body = await world.view.get("/repos/ilum-jupyterhub/jupyterhub-dog");
    const proof = { method: "GET", pattern: "/teams/\\d+/repos/.*-cat$", body };
    expect((await mixedUp("cat", "templates", proof)).code).toBe("gitea.unreadable");
    for (const path of ["/orgs/ilum-jupyterhub/repos", "/repos/ilum-jupyterhub/jupyterhub-zed"]) {
      const method = path.startsWith("/orgs") ? "POST" : "GET";
      const uid = method === "POST" ? "cow" : "zed";
      if (uid === "cow") await addPerson(world, { uid });
      const { code } = await mixedUp(uid, "repository", { method, path, body });
      expect([path, code]).toEqual([path, "gitea.unreadable"]);
    }
    expect(await commitsOf(world, "jupyterhub-dog")).toEqual([]);
  });

  it("takes no other organisation for ours", async () => {
    await addPerson(world, { uid: "orla" });
    const envelope = await walkTo(world, "team", spawnOf("orla"));
    const path = "/orgs/ilum-jupyterhub";
    world.gitea.faults.add({ method: "GET", path, status: 200, body: { id: 1, name: "chess", username: "chess" } });
    const cold = await deliver(world, "team", envelope, createHandlers(world.environment));
    expect(retryOf(cold.lines)?.code).toBe("gitea.unreadable");
    await cold.drop();
  });
});
