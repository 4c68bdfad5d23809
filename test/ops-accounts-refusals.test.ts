import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accountOf, changeAccount, makeAccount, teamNamed } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { lettersOf } from "./support/journeys.ts";
import { letterOf, sendLetters } from "./support/letters.ts";
import { runOps } from "./support/ops.ts";
import { addPerson, removePerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const ops = (...words: string[]) => runOps(["accounts", ...words], { environment: world.environment });
const letters = (user: string) => lettersOf(world.letters(), user);

describe("accounts link refuses", () => {
  const refusal = async (...words: string[]) => {
    const { code, stderr, stdout } = await ops("link", ...words, "--execute", "--yes");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    return stderr;
  };

  it("an organisation", async () => {
    await addPerson(world, { uid: "chess" });
    await world.view.send("POST", "/orgs", { username: "chess" });
    expect(await refusal("chess")).toContain("chess is an organisation");
  });

  it("a site admin", async () => {
    await addPerson(world, { uid: "root2" });
    await makeAccount(world, "root2");
    await world.view.send("PATCH", "/admin/users/root2", { login_name: "root2", source_id: 0, admin: true });
    expect(await refusal("root2")).toContain("root2 is a site admin, whom hubforge never changes");
  });

  it("hubforge's own account, and protected ones", async () => {
    await addPerson(world, { uid: "svc" });
    expect(await refusal("svc")).toContain("hubforge's own account");
    const environment = { ...world.environment, PROTECTED_USERS: "carol" };
    const { stderr } = await runOps(["accounts", "link", "carol"], { environment });
    expect(stderr).toMatch(/no account carol|PROTECTED_USERS/);
  });

  it("somebody whom the directory does not have, and an account that Gitea does not have", async () => {
    expect(await refusal("nobody")).toContain('nobody with the name "nobody"');
    await addPerson(world, { uid: "fresh" });
    expect(await refusal("fresh")).toContain("Gitea has no account fresh");
  });

  it("an account whose team's name is somebody else's team, before anything is changed", async () => {
    await addPerson(world, { uid: "trap" });
    await makeAccount(world, "trap");
    await world.pass(spawnOf("carol")); // the organisation is there
    const rights = { permission: "write", units_map: { "repo.code": "write" } };
    expect(await world.view.send("POST", "/orgs/ilum-jupyterhub/teams", { name: "trap", ...rights })).toBe(201);
    expect(await refusal("trap")).toContain("team trap has the name of the person's own team but is somebody else's");
    expect(await accountOf(world, "trap")).toMatchObject({ source_id: 0 });
  });

  it("a second account for somebody who has one, and one that is marked as somebody else's", async () => {
    await world.pass(spawnOf("ada"));
    await makeAccount(world, "ada2");
    expect(await refusal("ada", "--account", "ada2")).toContain("ada has account ada already");
    expect(await refusal("bob", "--account", "ada")).toContain("hubforge accounts rebind bob");
  });
});

describe("accounts link, when the world changes between the question and its answer,", () => {
  const answered = async (uid: string, meanwhile: () => Promise<void>) => {
    await addPerson(world, { uid });
    await makeAccount(world, uid);
    const { environment } = world;
    return await runOps(["accounts", "link", uid, "--execute"], { environment, typed: uid, meanwhile });
  };

  it("leaves an account alone that has become a site admin's", async () => {
    const { code, stderr } = await answered("boss", () => changeAccount(world, "boss", { admin: true }));
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("boss is a site admin") });
    expect(await accountOf(world, "boss")).toMatchObject({ source_id: 0, is_admin: true });
  });

  it("leaves another account of the same name alone", async () => {
    const { code, stderr } = await answered("lea", async () => {
      await world.view.send("DELETE", "/admin/users/lea");
      await makeAccount(world, "lea", { email: "another@uni.example" });
    });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("not as in this plan any more") });
    expect(await accountOf(world, "lea")).toMatchObject({ source_id: 0, email: "another@uni.example" });
  });
});

describe("accounts rebind", () => {
  it("gives one person their new directory id and replays what waited for it", async () => {
    await addPerson(world, { uid: "zoe" });
    await world.pass(spawnOf("zoe"));
    const before = (await teamNamed(world, "zoe")).description;
    await removePerson(world, "zoe");
    await addPerson(world, { uid: "zoe" });
    await sendLetters(world.queues, [letterOf("zoe", { code: "identity.other-id", class: "exhausted" })]);

    const plan = await ops("rebind", "zoe");
    expect(JSON.parse(plan.lines[0] ?? "")).toMatchObject({ type: "rebind", account: "zoe" });
    expect((await teamNamed(world, "zoe")).description).toBe(before);

    const { code, stderr } = await ops("rebind", "zoe", "--execute", "--yes");
    expect(stderr).toContain("sent to the stages; they do it now: hubforge trace zoe\n");
    expect(code).toBe(0);
    await world.drain();
    expect((await teamNamed(world, "zoe")).description).not.toBe(before);
    expect(letters("zoe")).toEqual([]);
    const again = await ops("rebind", "zoe");
    const { from, to } = JSON.parse(again.lines[0] ?? "");
    expect(from).toBe(to);
  });

  it("refuses while the old id is still in the directory: these are two people", async () => {
    await addPerson(world, { uid: "wim" });
    await world.pass(spawnOf("wim"));
    const id = (await teamNamed(world, "wim")).description.split(": ")[1];
    await removePerson(world, "wim");
    await addPerson(world, { uid: "wim-senior", directoryId: id });
    await addPerson(world, { uid: "wim" });
    const { code, stderr } = await ops("rebind", "wim", "--execute", "--yes");
    expect(code).toBe(1);
    expect(stderr).toContain("these are two people, not one");
  });
});
