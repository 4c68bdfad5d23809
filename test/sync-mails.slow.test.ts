import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { spawnOf } from "./support/envelopes.ts";
import { addPerson, setAttribute } from "./support/people.ts";
import { personState } from "./support/person-state.ts";
import { eventsOf, spawn, startSyncWorld, sync, syncAndSettle } from "./support/sync.ts";
import type { World } from "./support/world.ts";

let world: World;
beforeEach(async () => {
  world = await startSyncWorld();
});
afterEach(() => world.stop());

const mailOf = async (name: string) => (await personState(world, name)).user?.email;
const userOf = async (name: string) => (await personState(world, name)).user;

describe("mail addresses", () => {
  it("F2 go to the newcomer once the sync has moved their former owner's", async () => {
    await spawn(world, "ada");
    await setAttribute(world, "ada", "mail", "ada.byron@uni.example");
    await addPerson(world, { uid: "adam", mail: "ada@uni.example" });
    await world.sender.sendEnvelope("identity", spawnOf("adam"));
    const early = await world.drain();
    expect(early.map(({ code }) => code)).toContain("account.mail-in-use");

    await syncAndSettle(world);
    expect(await mailOf("ada")).toBe("ada.byron@uni.example");
    // The stage tries again by itself, 2 – 4 s after it was refused.
    await expect.poll(() => world.drain().then(() => mailOf("adam")), { timeout: 60_000 }).toBe("ada@uni.example");
    expect(world.letters()).toEqual([]);
    expect((await sync(world)).sent).toEqual([]);
  });

  it("F2 that two people exchange are right after two runs, link and name unhurt", async () => {
    await addPerson(world, { uid: "adam" });
    await spawn(world, "ada", "adam");
    await setAttribute(world, "ada", "mail", "moving@uni.example");
    await setAttribute(world, "adam", "mail", "ada@uni.example");
    await setAttribute(world, "ada", "mail", "adam@uni.example");
    const before = [await userOf("ada"), await userOf("adam")];

    const first = await syncAndSettle(world);
    expect(first.sent.map(({ delivery, freesMail }) => [delivery.user, freesMail])).toEqual([
      ["ada", true],
      ["adam", true],
    ]);
    await syncAndSettle(world);
    expect([await userOf("ada"), await userOf("adam")]).toEqual([
      { ...before[0], email: "adam@uni.example" },
      { ...before[1], email: "ada@uni.example" },
    ]);
    expect(world.letters()).toEqual([]);
    const last = await sync(world);
    expect(last.sent).toEqual([]);
    expect(eventsOf(last.lines, "sync.conflict-reported")).toEqual([]);
  });

  it("8 are kept while among several, made up where missing, and a shared one is told by DN and stops nobody", async () => {
    await setAttribute(world, "bob", "mail", "bob@uni.example", "a-first@uni.example");
    await spawn(world, "ada", "bob", "dan");
    await world.view.send("PATCH", "/admin/users/bob", { login_name: "bob", source_id: 1, email: "bob@uni.example" });
    expect((await sync(world)).sent).toEqual([]);
    expect(await mailOf("dan")).toBe("dan@hubforge.invalid");

    await setAttribute(world, "dan", "mail", "ada@uni.example");
    await setAttribute(world, "dan", "cn", "Dan the Man");
    const { lines } = await syncAndSettle(world);
    expect(eventsOf(lines, "sync.conflict-reported")).toMatchObject([
      { code: "mail.in-use", dn: "uid=dan,ou=people,dc=uni,dc=example" },
    ]);
    expect(await userOf("dan")).toMatchObject({ full_name: "Dan the Man", email: "dan@hubforge.invalid" });
    const again = await sync(world);
    expect(again.sent).toEqual([]);
    expect(eventsOf(again.lines, "sync.conflict-reported")).toHaveLength(1);
  });

  it("are not Gitea's to lose when the right to read them is lost", async () => {
    await spawn(world, "ada", "bob");
    const settings = { LDAP_EMAIL_ATTRIBUTE: "pager" };
    const { sent, lines } = await sync(world, {}, settings);
    expect(eventsOf(lines, "sync.held-back").map(({ reason }) => reason)).toEqual([
      expect.stringContaining("nobody in the directory has a mail address, but 2 accounts of its source have one"),
    ]);
    expect(sent).toEqual([]);
  });
});
