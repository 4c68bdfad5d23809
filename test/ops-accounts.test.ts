import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accountName } from "#shared/names.ts";
import { accountOf, makeAccount, signIn, teamNamed } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { lettersOf, outcomes } from "./support/journeys.ts";
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
const linked = (uid: string) => ({ source_id: world.gitea.sourceId, login_name: uid });
const letters = (user: string) => lettersOf(world.letters(), user);
const hasFiles = (user: string) => world.view.get(`/repos/ilum-jupyterhub/jupyterhub-${user}/contents/work`);

describe("accounts link", () => {
  it("shows what would change and changes nothing without --execute", async () => {
    await addPerson(world, { uid: "loc" });
    await makeAccount(world, "loc");
    await world.pass(spawnOf("loc"));
    const { code, lines, stderr } = await ops("link", "loc");
    expect(code).toBe(0);
    expect(stderr).toContain("hubforge accounts link loc --execute --plan ");
    const plan = JSON.parse(lines[0] ?? "");
    expect(plan).toMatchObject({ type: "link", account: "loc" });
    expect(plan.changes.map(({ what }: { what: string }) => what)).toEqual([
      "authentication source",
      "login name there",
      "mark of team loc",
    ]);
    expect(plan.warnings[0]).toContain("signs in with a password of Gitea's own now");
    expect(await accountOf(world, "loc")).toMatchObject({ source_id: 0 });
    expect(letters("loc")).toHaveLength(1);
  });

  it("links a local account on purpose, and its owner's spawn comes to its end", async () => {
    const { code } = await ops("link", "loc", "--execute", "--yes", "--reason", "she asked for it");
    expect(code).toBe(0);
    expect(await accountOf(world, "loc")).toMatchObject(linked("loc"));
    expect(letters("loc")).toEqual([]);
    expect(outcomes(await world.drain())).toEqual([
      ...["identity.unchanged", "account.updated", "team.unchanged", "repository.created", "templates.created"],
    ]);
    expect(await hasFiles("loc")).not.toBeNull();
    await signIn(world, "loc", "loc-password");
  });

  it("has nothing to do the second time", async () => {
    const { code, lines } = await ops("link", "loc", "--execute", "--yes");
    expect(code).toBe(0);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ changes: [] });
  });

  it("says whose sign-in ends when the account signs in as somebody else", async () => {
    await addPerson(world, { uid: "tess" });
    await makeAccount(world, "tess", linked("bob"));
    const { lines } = await ops("link", "tess");
    expect(JSON.parse(lines[0] ?? "").warnings[0]).toMatch(
      /"bob" \(uid=bob,.*\) signs in to tess now, and will not any more/,
    );
    await ops("link", "tess", "--execute", "--yes");
    expect(await accountOf(world, "tess")).toMatchObject(linked("tess"));
  });

  it("accepts an account that is older than its owner's entry", async () => {
    await addPerson(world, { uid: "yuri", createdAt: new Date(Date.now() + 60_000) });
    await signIn(world, "yuri", "yuri-password");
    await world.pass(spawnOf("yuri"));
    expect(letters("yuri")).toEqual(["account permanent account.unproven"]);
    await ops("link", "yuri", "--execute", "--yes");
    await world.drain();
    expect(letters("yuri")).toEqual([]);
    expect(await hasFiles("yuri")).not.toBeNull();
  });

  it("finds the person by the account name that their letter tells", async () => {
    await addPerson(world, { uid: "müller", mail: "mueller@uni.example" });
    const account = accountName("müller");
    await makeAccount(world, account);
    await world.pass(spawnOf("müller"));
    expect(letters("müller")).toEqual(["account permanent account.taken"]);
    const { code } = await ops("link", account, "--execute", "--yes");
    expect(code).toBe(0);
    expect(await accountOf(world, account)).toMatchObject(linked("müller"));
  });

  it("takes the typed name of the account as a yes, and nothing else", async () => {
    await addPerson(world, { uid: "typo" });
    await makeAccount(world, "typo");
    const asked = (typed: string) =>
      runOps(["accounts", "link", "typo", "--execute"], { environment: world.environment, typed });
    expect(await asked("tpyo")).toMatchObject({ code: 1 });
    expect(await accountOf(world, "typo")).toMatchObject({ source_id: 0 });
    const { code, stderr } = await asked("typo");
    expect(stderr).toContain("Type typo to link it to typo (uid=typo,");
    expect(code).toBe(0);
    expect(await accountOf(world, "typo")).toMatchObject(linked("typo"));
  });
});

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

  it("a second account for somebody who has one, and one that is marked as somebody else's", async () => {
    await world.pass(spawnOf("ada"));
    await makeAccount(world, "ada2");
    expect(await refusal("ada", "--account", "ada2")).toContain("ada has account ada already");
    expect(await refusal("bob", "--account", "ada")).toContain("hubforge accounts rebind bob");
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

    const { code } = await ops("rebind", "zoe", "--execute", "--yes");
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
