import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sessionTokenName } from "#shared/session-token.ts";
import { accountNames, accountOf, membersOf, signIn, teamNamed } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { lettersOf, NOTHING_TO_DO, outcomes, summary } from "./support/journeys.ts";
import { addPerson, renamePerson, setAttribute } from "./support/people.ts";
import { mintSessionToken, sessionTokens } from "./support/session-tokens.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const spawn = async (user: string) => summary(await world.pass(spawnOf(user)));
const namesWith = async (part: string) => (await accountNames(world)).filter((name) => name.includes(part));

describe("one human with two logins (F1)", () => {
  it("has one account, team and repository, whichever name she types, and nothing ever flips", async () => {
    await spawn("jdoe");
    expect(await spawn("jane.doe")).toEqual(NOTHING_TO_DO);
    expect(await spawn("jdoe")).toEqual(NOTHING_TO_DO);
    expect(await namesWith("doe")).toEqual(["jdoe"]);
    expect(await accountOf(world, "jdoe")).toMatchObject({ login_name: "jdoe", full_name: "Jane Doe" });
    expect(await signIn(world, "jdoe", "jane-password")).toBe(200);
    expect(await membersOf(world, "jdoe")).toEqual(["jdoe"]);
  });

  it("has one of each also when both names come at once: her two journeys take turns", async () => {
    await addPerson(world, { uid: ["ruth", "ruth.roe"] });
    const both = [spawnOf("ruth"), spawnOf("ruth.roe")];
    await Promise.all(both.map((envelope) => world.sender.sendEnvelope("identity", envelope)));
    const lines = await world.drain();
    expect(outcomes(lines).filter((one) => one.endsWith(".created"))).toHaveLength(4);
    expect(await namesWith("ruth")).toEqual(["ruth"]);
    expect(await spawn("ruth.roe")).toEqual(NOTHING_TO_DO);
  });

  it("keeps the account that she had made by signing in under her other name", async () => {
    await addPerson(world, { uid: ["lynn", "lynn.low"] });
    expect(await signIn(world, "lynn.low", "lynn-password")).toBe(200);
    const [made] = await namesWith("lynn");
    await spawn("lynn");
    expect(await namesWith("lynn")).toEqual([made]);
    expect(await spawn("lynn.low")).toEqual(NOTHING_TO_DO);
    expect(await signIn(world, made ?? "", "lynn-password")).toBe(200);
  });

  it("keeps the token of one server when the other one stops", async () => {
    const one = spawnOf("jdoe").delivery;
    const other = spawnOf("jane.doe").delivery;
    await mintSessionToken(world, "jdoe", one);
    await mintSessionToken(world, "jdoe", other);
    const stop = { ...spawnOf("jdoe"), route: "stop" as const, delivery: { ...one, id: "stop-1", account: "jdoe" } };
    expect(outcomes(await world.pass(stop, "release"))).toEqual(["release.updated"]);
    expect(await sessionTokens(world, "jdoe")).toEqual([sessionTokenName(other)]);
  });
});

describe("somebody whose uid changed", () => {
  it("keeps account, team and repository; the sign-in moves to the new uid", async () => {
    await addPerson(world, { uid: "maiden" });
    await spawn("maiden");
    const before = await accountOf(world, "maiden");
    await renamePerson(world, "maiden", "married");
    expect(await signIn(world, "maiden", "maiden-password")).toBe(401);

    expect((await spawn("married")).outcomes).toEqual(NOTHING_TO_DO.outcomes.with(1, "account.updated"));
    expect(await accountOf(world, "maiden")).toMatchObject({ id: before?.id, login_name: "married" });
    expect(await accountOf(world, "married")).toBeNull();
    expect(await signIn(world, "maiden", "maiden-password")).toBe(200);
    expect(await spawn("married")).toEqual(NOTHING_TO_DO);
    expect(lettersOf(world.letters(), "married")).toEqual([]);
  });

  it("keeps the sign-in as it is while the old uid is still one of their names", async () => {
    await addPerson(world, { uid: "kate" });
    await spawn("kate");
    await renamePerson(world, "kate", "kate.b");
    await setAttribute(world, "kate.b", "uid", "kate.b", "kate");
    expect(await spawn("kate.b")).toEqual(NOTHING_TO_DO);
    expect((await accountOf(world, "kate"))?.login_name).toBe("kate");
  });

  it("is found by the mark of their own team, also when an owner has put others into it", async () => {
    await addPerson(world, { uid: "host" });
    await addPerson(world, { uid: "guest" });
    await spawn("host");
    await spawn("guest");
    const { id } = await teamNamed(world, "host");
    await world.view.send("PUT", `/teams/${id}/members/guest`);
    await renamePerson(world, "host", "host2");
    await spawn("host2");
    expect((await accountOf(world, "host"))?.login_name).toBe("host2");
    expect((await accountOf(world, "guest"))?.login_name).toBe("guest");
  });

  it("never gets the account of whoever had the new uid before and was once put into their team", async () => {
    await addPerson(world, { uid: "fay" });
    await addPerson(world, { uid: "gil" });
    await spawn("fay");
    await signIn(world, "gil", "gil-password"); // an account, but no team that could say whose it is
    const { id } = await teamNamed(world, "fay");
    await world.view.send("PUT", `/teams/${id}/members/gil`);
    await renamePerson(world, "gil", "gil-old");
    await renamePerson(world, "fay", "gil");
    const before = await accountOf(world, "gil");
    await spawn("gil");
    expect((await accountOf(world, "fay"))?.login_name).toBe("gil");
    expect(await accountOf(world, "gil")).toEqual(before);
  });
});
