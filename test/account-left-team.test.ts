import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accountOf, membersOf, teamNamed } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { addPerson, removePerson, renamePerson } from "./support/people.ts";
import { personState } from "./support/person-state.ts";
import { spawn, startSyncWorld, sync, syncAndSettle } from "./support/sync.ts";
import type { World } from "./support/world.ts";

/** Gitea lets everybody leave a team by a click: whose account it is must not hang on that. */
let world: World;
beforeAll(async () => {
  world = await startSyncWorld();
});
afterAll(() => world.stop());

async function spawnAndLeave(uid: string): Promise<void> {
  await addPerson(world, { uid });
  await spawn(world, uid);
  await world.view.send("DELETE", `/teams/${(await teamNamed(world, uid)).id}/members/${uid}`);
  expect(await membersOf(world, uid)).toEqual([]);
}

describe("somebody who has left their own team", () => {
  it("is in it again after the next login", async () => {
    await spawnAndLeave("kim");
    await spawn(world, "kim");
    expect(await membersOf(world, "kim")).toEqual(["kim"]);
    expect(world.letters()).toEqual([]);
  });

  it("is blocked like everybody when they leave the directory", async () => {
    await spawnAndLeave("lea");
    await removePerson(world, "lea");
    await syncAndSettle(world);
    expect(await accountOf(world, "lea")).toMatchObject({ prohibit_login: true });
    expect(await membersOf(world, "leavers")).toContain("lea");
    expect((await sync(world)).sent).toEqual([]);
  });

  it("keeps one account and one repository when their uid changes", async () => {
    await spawnAndLeave("mia");
    await renamePerson(world, "mia", "mia2");
    await syncAndSettle(world);
    await spawn(world, "mia2");
    expect(await accountOf(world, "mia")).toMatchObject({ login_name: "mia2" });
    expect(await personState(world, "mia2")).toMatchObject({ user: null, repository: null });
    expect((await sync(world)).sent).toEqual([]);
  });

  it("keeps their account from another human who gets their name", async () => {
    await spawnAndLeave("eva");
    const before = await accountOf(world, "eva");
    await removePerson(world, "eva");
    await addPerson(world, { uid: "ben", cn: "Ben Other", password: "ben-secret", createdAt: new Date("2020-01-01") });
    await renamePerson(world, "ben", "eva");
    const lines = await world.pass(spawnOf("eva"));
    expect(lines).toContainEqual(expect.objectContaining({ event: "stage.retried", code: "identity.other-id" }));
    expect(await accountOf(world, "eva")).toMatchObject({ full_name: before?.full_name, email: before?.email });
    expect(await membersOf(world, "eva")).toEqual([]);
  });
});
