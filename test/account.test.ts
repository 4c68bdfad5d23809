import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accountOf, makeAccount, signIn } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { deliver, lettersOf, NOTHING_TO_DO, outcomes, retryOf, summary, under, walkTo } from "./support/journeys.ts";
import { addPerson, setAttribute } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const CREATED = ["identity.unchanged", "account.created", "team.created", "repository.created", "templates.created"];
const spawn = async (user: string) => summary(await world.pass(spawnOf(user)));

describe("an account", () => {
  it("is made for somebody new, who signs in with the LDAP password at once; the second time nothing is to do", async () => {
    await addPerson(world, { uid: "newt", cn: "Newt Żółć", mail: "Newt@Uni.Example", password: "p@ss:w/ord%#?é" });
    expect((await spawn("newt")).outcomes).toEqual(CREATED);
    expect(await accountOf(world, "newt")).toMatchObject({
      login_name: "newt",
      source_id: world.gitea.sourceId,
      full_name: "Newt Żółć",
      email: "newt@uni.example",
      prohibit_login: false,
    });
    expect(await signIn(world, "newt", "p@ss:w/ord%#?é")).toBe(200);
    expect(await signIn(world, "newt", "another")).toBe(401);
    expect(await spawn("newt")).toEqual(NOTHING_TO_DO);
  });

  it("follows name and mail, each written once", async () => {
    await addPerson(world, { uid: "mona" });
    await spawn("mona");
    await setAttribute(world, "mona", "cn", "Mona Lisa");
    await setAttribute(world, "mona", "mail", "mona.lisa@uni.example");
    expect(await spawn("mona")).toEqual({ writes: 2, outcomes: NOTHING_TO_DO.outcomes.with(1, "account.updated") });
    expect(await accountOf(world, "mona")).toMatchObject({ full_name: "Mona Lisa", email: "mona.lisa@uni.example" });
    expect(await spawn("mona")).toEqual(NOTHING_TO_DO);
  });

  it("is left alone where only the case of a mail differs, or where its mail is another one of theirs", async () => {
    await addPerson(world, { uid: "olga", mail: "olga@uni.example" });
    await spawn("olga");
    await setAttribute(world, "olga", "mail", "OLGA@UNI.example");
    expect(await spawn("olga")).toEqual(NOTHING_TO_DO);
    await setAttribute(world, "olga", "mail", "a.olga@uni.example", "olga@uni.example");
    expect(await spawn("olga")).toEqual(NOTHING_TO_DO);
    await setAttribute(world, "olga", "mail", "a.olga@uni.example");
    expect((await spawn("olga")).writes).toBe(1);
  });

  it("without a mail in the directory has an address that nobody else has", async () => {
    await addPerson(world, { uid: "dora", mail: null });
    expect((await spawn("dora")).outcomes).toEqual(CREATED);
    expect((await accountOf(world, "dora"))?.email).toBe("dora@hubforge.invalid");
    expect(await spawn("dora")).toEqual(NOTHING_TO_DO);
  });

  it("keeps names and mails that Gitea's own sync writes", async () => {
    const beside = under(world, { GITEA_NATIVE_SYNC: "true" });
    await addPerson(world, { uid: "nina" });
    await beside.pass(spawnOf("nina"));
    await setAttribute(world, "nina", "cn", "Nina New");
    await setAttribute(world, "nina", "mail", "nina.new@uni.example");
    expect(summary(await beside.pass(spawnOf("nina")))).toEqual(NOTHING_TO_DO);
  });
});

describe("a mail that another account has", () => {
  it("never stops somebody who has an account: theirs stays, the line says so, the name is written", async () => {
    await addPerson(world, { uid: "ira" });
    await spawn("ira");
    await makeAccount(world, "holder", { email: "wanted@uni.example" });
    await setAttribute(world, "ira", "cn", "Ira Changed");
    await setAttribute(world, "ira", "mail", "wanted@uni.example");
    const lines = await world.pass(spawnOf("ira"));
    expect(outcomes(lines)).toEqual(NOTHING_TO_DO.outcomes.with(1, "account.updated"));
    expect(lines.find(({ stage }) => stage === "account")).toMatchObject({ mailConflict: true });
    expect(await accountOf(world, "ira")).toMatchObject({
      full_name: "Ira Changed",
      email: "ira@uni.example",
      login_name: "ira",
    });
    const again = await world.pass(spawnOf("ira"));
    expect(outcomes(again)).toEqual(NOTHING_TO_DO.outcomes);
    expect(again.find(({ stage }) => stage === "account")).toMatchObject({ mailConflict: true });
  });

  it("makes somebody new wait for the next sync, naming who has it; freed, they are in by themselves", async () => {
    await addPerson(world, { uid: "ada2", mail: "Shared@uni.example" });
    await spawn("ada2");
    await addPerson(world, { uid: "adam", mail: "shared@uni.example" });
    const waiting = await deliver(world, "account", await walkTo(world, "account", spawnOf("adam")));
    expect(waiting.isDone).toBe(false);
    expect(retryOf(waiting.lines)).toMatchObject({
      code: "account.mail-in-use",
      reason: expect.stringContaining("account ada2 has shared@uni.example"),
    });
    await setAttribute(world, "ada2", "mail", "ada.byron@uni.example");
    await spawn("ada2");
    expect((await waiting.again()).isDone).toBe(true);
    await world.drain();
    expect(await accountOf(world, "adam")).toMatchObject({ email: "shared@uni.example" });
    expect(lettersOf(world.letters(), "adam")).toEqual([]);
  });
});

describe("what Gitea refuses for ever", () => {
  it("is a letter with Gitea's own words: a source of authentication that does not exist", async () => {
    await addPerson(world, { uid: "sven" });
    await under(world, { GITEA_AUTH_SOURCE_ID: "99" }).pass(spawnOf("sven"));
    const letter = world.letters().find(({ envelope }) => envelope?.delivery.user === "sven");
    expect(letter).toMatchObject({
      code: "gitea.refused",
      request: { method: "POST", path: "/admin/users", status: 422 },
      reason: expect.stringContaining("login source does not exist"),
    });
    expect((await spawn("sven")).outcomes).toEqual(CREATED);
  });

  it("is a letter when the account was renamed: hubforge edits nobody under another name", async () => {
    await makeAccount(world, "oldie");
    await world.view.send("POST", "/admin/users/oldie/rename", { new_username: "newbie" });
    await addPerson(world, { uid: "oldie" });
    await spawn("oldie");
    expect(lettersOf(world.letters(), "oldie")).toEqual(["account permanent gitea.moved"]);
    expect(await accountOf(world, "newbie")).toMatchObject({ source_id: 0, full_name: "" });
  });
});
