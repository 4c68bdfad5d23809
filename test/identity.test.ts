import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spawnOf } from "./support/envelopes.ts";
import { deliver, lettersOf, outcomes, walkTo } from "./support/journeys.ts";
import { addPerson, lockPerson, removePerson, renamePerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const idOf = async (uid: string) => (await walkTo(world, "account", spawnOf(uid))).directoryId ?? "";

/** What the stage forwards for an envelope of the sync; undefined when it forwards nothing. */
async function forwarded(route: "refresh" | "depart", user: string, directoryId: string) {
  await deliver(world, "identity", spawnOf(user, { route, directoryId }));
  const [envelope] = world.envelopesIn("account");
  const record = await world.receive("account");
  if (record) await world.invoke("account", record);
  await world.drain();
  return envelope;
}

describe("a spawn", () => {
  it("carries ada as the directory has her, the same way twice and without a write", async () => {
    const first = await walkTo(world, "account", spawnOf("ada"));
    expect(first.identity).toMatchObject({ username: "ada", fullName: "Ada Lovelace", email: "ada@uni.example" });
    expect(first.directoryId).toBe(first.identity?.directoryId);
    const second = await walkTo(world, "account", spawnOf("ada"));
    expect(second.identity).toEqual(first.identity);
  });

  it("finds one human under both of her names", async () => {
    const one = await walkTo(world, "account", spawnOf("jdoe"));
    const other = await walkTo(world, "account", spawnOf("JANE.doe"));
    expect(other.identity).toEqual(one.identity);
    expect(one.identity).toMatchObject({ username: "jdoe", logins: ["jane.doe", "jdoe"] });
  });

  it("of somebody whom nobody knows, or who is locked, becomes a letter that says so", async () => {
    await addPerson(world, { uid: "lena" });
    await lockPerson(world, "lena");
    for (const user of ["nobody-here", "lena"]) {
      const { isDone } = await deliver(world, "identity", spawnOf(user));
      expect(isDone).toBe(true);
    }
    expect(lettersOf(world.letters(), "nobody-here")).toEqual(["identity permanent person.unknown"]);
    expect(lettersOf(world.letters(), "lena")).toEqual(["identity permanent person.disabled"]);
    expect(world.envelopesIn("account")).toEqual([]);
  });

  it("replayed after the directory was rebuilt means who has the name now, not who had the old id", async () => {
    await addPerson(world, { uid: "rita" });
    const oldId = await idOf("rita");
    await removePerson(world, "rita");
    await addPerson(world, { uid: "rita" });
    const replayed = await walkTo(world, "account", spawnOf("rita", { directoryId: oldId }));
    expect(replayed.identity?.username).toBe("rita");
    expect(replayed.directoryId).not.toBe(oldId);
  });
});

describe("a refresh", () => {
  it("means the same human whatever they are called by now", async () => {
    await addPerson(world, { uid: "mia" });
    const id = await idOf("mia");
    await renamePerson(world, "mia", "mia.new");
    const envelope = await forwarded("refresh", "mia", id);
    expect(envelope).toMatchObject({ route: "refresh", directoryId: id, identity: { username: "mia.new" } });
  });

  it("of somebody who has gone meanwhile blocks nobody: it ends as a letter", async () => {
    await addPerson(world, { uid: "gus" });
    const id = await idOf("gus");
    await removePerson(world, "gus");
    expect(await forwarded("refresh", "gus", id)).toBeUndefined();
    expect(lettersOf(world.letters(), "gus")).toEqual(["identity permanent person.unknown"]);
  });
});

describe("a depart", () => {
  it("of somebody who is gone travels on by directory id alone", async () => {
    await addPerson(world, { uid: "lea" });
    const id = await idOf("lea");
    await removePerson(world, "lea");
    const envelope = await forwarded("depart", "lea", id);
    expect(envelope).toMatchObject({ route: "depart", directoryId: id });
    expect(envelope?.identity).toBeUndefined();
  });

  it("becomes a refresh when the person is back", async () => {
    await addPerson(world, { uid: "ben" });
    const envelope = await forwarded("depart", "ben", await idOf("ben"));
    expect(envelope).toMatchObject({ route: "refresh", identity: { username: "ben" } });
  });

  it("is the old human's, also when somebody else has their name by now", async () => {
    await addPerson(world, { uid: "kim" });
    const id = await idOf("kim");
    await removePerson(world, "kim");
    await addPerson(world, { uid: "kim" });
    const envelope = await forwarded("depart", "kim", id);
    expect(envelope).toMatchObject({ route: "depart", directoryId: id });
  });

  it("without a directory id is nobody's", async () => {
    const { lines } = await deliver(world, "identity", spawnOf("ada", { route: "depart" }));
    expect(outcomes(lines)).toEqual([]);
    expect(lettersOf(world.letters(), "ada")).toEqual(["identity permanent envelope.invalid"]);
  });
});
