import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accountName } from "#shared/names.ts";
import { accountOf, makeAccount, signIn } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { lettersOf, outcomes } from "./support/journeys.ts";
import { runOps } from "./support/ops.ts";
import { addPerson } from "./support/people.ts";
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
    const { code, stderr } = await ops("link", "loc", "--execute", "--yes", "--reason", "she asked for it");
    expect(stderr).toContain("loc is linked to loc (uid=loc,");
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
    for (const words of [[], ["--execute"]]) {
      const again = await ops("link", "loc", ...words);
      expect(again.code).toBe(0);
      expect(again.stderr).toContain("Nothing is to be done");
      expect(again.stderr).not.toMatch(/To do it|confirm/);
    }
  });

  it("says whose sign-in ends when the account signs in as somebody else", async () => {
    await addPerson(world, { uid: "tess" });
    await makeAccount(world, "tess", linked("bob"));
    const { lines } = await ops("link", "tess");
    expect(JSON.parse(lines[0] ?? "").warnings[0]).toMatch(
      /"bob" \(uid=bob,.*\) signs in to tess now, and will not any more/,
    );
    const plain = await runOps(["accounts", "link", "tess"], { environment: world.environment, columns: 120 });
    expect(plain.stdout).toContain("0 letters");
    expect(plain.stdout).not.toContain("IN ORDER");
    const done = await ops("link", "tess", "--execute", "--yes");
    expect([done.code, done.stderr]).toEqual([0, expect.stringMatching(/^tess is linked to .*\n$/)]);
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
