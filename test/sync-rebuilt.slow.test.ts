import { afterEach, describe, expect, it } from "vitest";
import { spawnOf } from "./support/envelopes.ts";
import { addGroup, addPerson, groupDn, removePerson } from "./support/people.ts";
import { personState } from "./support/person-state.ts";
import { enrol, eventsOf, settle, spawn, startSyncWorld, sync, syncAndSettle } from "./support/sync.ts";
import type { World } from "./support/world.ts";

let world: World;
afterEach(() => world.stop());

const NAMES = Array.from({ length: 40 }, (_, place) => `student${String(place).padStart(2, "0")}`);

/** The same DNs, names and mails under new ids, as after `slapcat`, stripping entryUUID, and `slapadd`. */
async function rebuild(names: readonly string[]): Promise<void> {
  for (const name of names) {
    await removePerson(world, name);
    await addPerson(world, { uid: name });
  }
}

describe("a rebuilt directory (F6)", () => {
  it("blocks nobody, is told once and loudly, lets spawns wait, and goes on after --rebind", async () => {
    world = await startSyncWorld();
    for (const name of NAMES) await addPerson(world, { uid: name });
    await enrol(world, ...NAMES);
    expect((await sync(world)).sent).toEqual([]);
    const before = await personState(world, "student07");
    await rebuild(NAMES);

    const held = await sync(world);
    expect(held.sent).toEqual([]);
    expect(eventsOf(held.lines, "sync.rebuilt")).toMatchObject([
      { reason: expect.stringContaining("40 of 40 known people changed their id"), hash: held.answer.rebindHash },
    ]);
    for (const name of NAMES.slice(0, 3)) await world.sender.sendEnvelope("identity", spawnOf(name));
    const waiting = await world.drain();
    expect(waiting.filter(({ code }) => code === "identity.other-id")).toHaveLength(3);
    expect(world.letters()).toEqual([]);

    const wrong = await sync(world, { rebind: "000000000000" });
    expect([wrong.sent, wrong.answer.refusal]).toEqual([[], expect.stringContaining("the new ids have the hash")]);
    expect(wrong.lines).toMatchObject([{ event: "sync.refused", reason: wrong.answer.refusal, level: "warn" }]);
    expect(wrong.answer.counts).not.toHaveProperty("departed");
    const { sent } = await sync(world, { rebind: held.answer.rebindHash ?? "" });
    expect(sent).toHaveLength(40);
    expect(sent.every(({ rebind, route }) => rebind !== undefined && route === "refresh")).toBe(true);
    await settle(world);
    const after = await personState(world, "student07");
    expect(after.user).toEqual(before.user);
    expect(after.teams).toMatchObject([{ name: "student07", members: ["student07"] }]);
    expect(after.teams).not.toEqual(before.teams);
    await expect
      .poll(
        () =>
          settle(world)
            .then(() => sync(world))
            .then((ran) => ran.sent),
        { timeout: 15_000 },
      )
      .toEqual([]);
    expect(world.letters()).toEqual([]);
  }, 60_000);

  it("gives nobody the account of somebody who had left, though another human has the name by now", async () => {
    world = await startSyncWorld();
    await spawn(world, "ada", "bob", "dan");
    await removePerson(world, "ada");
    await syncAndSettle(world);
    const before = await personState(world, "ada");
    expect(before.user).toMatchObject({ prohibit_login: true });
    await addPerson(world, { uid: "ada", cn: "Ada Newcomer", mail: "newcomer@uni.example" });
    await rebuild(["ada", "bob", "dan"]);

    const held = await sync(world);
    expect(eventsOf(held.lines, "sync.rebuilt")).toMatchObject([{ reason: expect.stringContaining("2 of 2 known") }]);
    expect(eventsOf(held.lines, "sync.conflict-reported")).toMatchObject([
      { code: "identity.other-id", reason: expect.stringContaining("hubforge accounts rebind ada") },
    ]);
    const { sent } = await syncAndSettle(world, { rebind: held.answer.rebindHash ?? "" });
    expect(sent.map(({ delivery }) => delivery.user)).toEqual(["bob", "dan"]);
    expect(await personState(world, "ada")).toEqual(before);
    expect(world.letters()).toEqual([]);
  });

  it("is not what one new id is: that person departs, and the newcomer stays refused and is told", async () => {
    world = await startSyncWorld();
    await spawn(world, "ada", "bob");
    await rebuild(["ada"]);
    const { answer, lines, sent } = await sync(world);
    expect(sent.map(({ route }) => route)).toEqual(["depart"]);
    expect(answer.guards).toEqual([]);
    expect(eventsOf(lines, "sync.conflict-reported")).toMatchObject([{ code: "identity.other-id" }]);
    await settle(world);
    const again = await sync(world, { rebind: answer.rebindHash ?? "" });
    expect(again.sent).toEqual([]);
    expect(again.answer.refusal).toContain("accounts rebind");
    const next = await sync(world);
    expect(eventsOf(next.lines, "sync.conflict-reported")).toMatchObject([{ code: "identity.other-id" }]);
  });
});

describe("a renamed group (F12)", () => {
  it("costs nobody anything, is told with its new DN, and other groups' changes go through", async () => {
    const teams = (dn: string) => ({
      GROUP_TEAMS: JSON.stringify({
        [dn]: { team: "datasci", permission: "write" },
        [groupDn("lab")]: { team: "lab", permission: "read" },
      }),
      LDAP_ALLOWED_GROUPS: JSON.stringify([dn, groupDn("jupyterhub")]),
    });
    world = await startSyncWorld(teams(groupDn("datasci")));
    await addGroup(world, "lab", ["dan"]);
    await spawn(world, "ada", "bob", "dan");
    const before = await personState(world, "ada");
    await world.slapd.modify(
      `dn: ${groupDn("datasci")}\nchangetype: modrdn\nnewrdn: cn=data-science\ndeleteoldrdn: 1\n`,
    );
    await world.slapd.modify(
      `dn: ${groupDn("lab")}\nchangetype: modify\nadd: member\nmember: uid=bob,ou=people,dc=uni,dc=example\n`,
    );
    for (const joins of [["bob"], [], []]) {
      const { sent, lines } = await syncAndSettle(world);
      expect(sent.map(({ delivery, leave }) => [delivery.user, leave])).toEqual(joins.map((user) => [user, []]));
      const [told] = eventsOf(lines, "sync.held-back");
      expect(told?.reason).toContain(`its id now lives at "cn=data-science,ou=groups,dc=uni,dc=example"`);
      expect(told?.reason).toContain(`"${groupDn("datasci")}" of GROUP_TEAMS and LDAP_ALLOWED_GROUPS`);
    }
    await spawn(world, "ada");
    expect(await personState(world, "ada")).toEqual(before);
    expect((await personState(world, "bob")).teams.map(({ name }) => name)).toContain("lab");

    const mended = teams("cn=data-science,ou=groups,dc=uni,dc=example");
    const last = await sync(world, {}, mended);
    expect(last.sent).toEqual([]);
    expect(eventsOf(last.lines, "sync.held-back")).toEqual([]);
  });
});
