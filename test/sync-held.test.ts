import { describe, expect, it } from "vitest";
import { decide } from "../functions/directory-sync/decide.ts";
import { refreshEnvelope } from "../functions/directory-sync/envelopes.ts";
import { countHeld } from "../functions/directory-sync/held.ts";
import type { World } from "../functions/directory-sync/plan.ts";
import { account, leaversTeam, person, population, worldOf } from "./support/plan-world.ts";

type Consent = Parameters<typeof decide>[1];

/** The decision on a world, and what would be sent to people who are there. */
function runOf(world: World, consent: Consent = {}) {
  const decision = decide(world, consent);
  const { plan } = decision;
  const how = { ...decision, keeps: plan.keeps, now: new Date("2026-11-25T09:00:00Z") };
  const sent = plan.refreshes.flatMap((refresh) => refreshEnvelope(refresh, how) ?? []);
  return { ...decision, codes: decision.guards.map(({ code }) => code), held: countHeld(plan, decision), sent };
}

const withPeople = (world: World, change: (place: number) => Partial<World["directory"]["people"][number]>) => ({
  ...world,
  directory: {
    ...world.directory,
    people: world.directory.people.map((one, place) => ({ ...one, ...change(place) })),
  },
});

const mailless = (name: string) => ({ email: `${name}@hubforge.invalid`, emails: [] });

describe("an address that the directory does not show any more", () => {
  const world = population(100);
  const without = (count: number) => withPeople(world, (place) => (place < count ? mailless(`p${place}`) : {}));

  it("is given up where few lose theirs", () => {
    const { codes, sent } = runOf(without(10));
    expect(codes).toEqual([]);
    expect(sent.map(({ keeps }) => keeps)).toEqual(Array.from({ length: 10 }, () => undefined));
  });

  it.each([11, 99])("is held back where %i of 100 would lose theirs, until a human confirms exactly that", (count) => {
    const { codes, held, sent, hash } = runOf(without(count));
    expect([codes, held, sent]).toEqual([["removals.many"], count, []]);
    expect(runOf(without(count), { confirm: hash }).sent).toHaveLength(count);
    expect(runOf(without(count - 1), { confirm: hash }).refusal).toContain(hash);
  });

  it("stays while the person's other changes go through, and the stages are told so", () => {
    const named = withPeople(without(99), (place) => (place === 3 ? { fullName: "Neu" } : {}));
    const { sent } = runOf(named);
    expect(sent).toMatchObject([{ delivery: { user: "p3" }, keeps: ["mail"] }]);
  });

  it("is kept as well by accounts that are met for the first time", () => {
    const names = Array.from({ length: 30 }, (_, place) => `n${place}`);
    const found = worldOf({
      people: names.map((name, place) => person(name, place === 0 ? {} : mailless(name))),
      accounts: names.map((name) => account(name)),
      settings: { SYNC_CREATE: "allowed" },
    });
    const { codes, sent } = runOf(found);
    expect(codes).toEqual(["removals.many"]);
    expect(sent.filter(({ keeps }) => keeps?.includes("mail")).map(({ delivery }) => delivery.user)).toHaveLength(29);
  });
});

describe("leavers who are back", () => {
  /** `size` known people, of whom the first `back` are blocked leavers. */
  function returning(back: number, size: number): World {
    const world = population(size);
    const accounts = world.gitea.accounts.map((one, place) => ({ ...one, prohibit_login: place < back }));
    const leavers = new Set(accounts.filter((one) => one.prohibit_login).map(({ id }) => id));
    const members = new Map([[leaversTeam.id, leavers]]);
    return { ...world, gitea: { ...world.gitea, accounts, teams: [...world.gitea.teams, leaversTeam], members } };
  }

  it("are let in by the sync up to the usual limit, and not one more until a human confirms exactly those", () => {
    expect(runOf(returning(5, 20))).toMatchObject({ codes: [], held: 0, sent: { length: 5 } });
    const { advice, codes, hash, held, sent } = runOf(returning(6, 20));
    expect([codes, held, sent, advice.confirm]).toEqual([["returns.many"], 6, [], hash]);
    expect(runOf(returning(6, 20), { confirm: hash }).sent).toHaveLength(6);
    expect(runOf(returning(7, 20), { confirm: hash }).refusal).toContain(hash);
  });

  it("wait where the read proves nothing, and nothing else about them is sent, which would unblock them", () => {
    const world = withPeople(returning(1, 20), (place) => (place === 0 ? { fullName: "Neu" } : {}));
    const anomalies = [{ code: "ldap.limit", reason: "…" }];
    const blind = { ...world, directory: { ...world.directory, anomalies } };
    expect(runOf(world).sent).toHaveLength(1);
    expect(runOf(blind)).toMatchObject({ codes: ["ldap.limit"], held: 1, sent: [], advice: {} });
  });

  it("do not wait for removals that a human has to look at", () => {
    const world = returning(1, 20);
    const people = world.directory.people.filter((_, place) => place === 0 || place > 6);
    const { codes, sent } = runOf({ ...world, directory: { ...world.directory, people } });
    expect(codes).toEqual(["removals.many"]);
    expect(sent.map(({ delivery }) => delivery.user)).toEqual(["p0"]);
  });
});

describe("what a tripped guard does not stop", () => {
  it("what an earlier run has sent: once that is done the rest is no longer many, and goes without a word", () => {
    const gone = (count: number) => population(20, (place) => place >= count);
    expect(runOf(gone(4))).toMatchObject({ codes: [], held: 0 });
    const tripped = runOf(gone(7));
    expect([tripped.codes, tripped.held]).toEqual([["removals.many"], 7]);

    const world = gone(7);
    const accounts = world.gitea.accounts.map((one, place) => ({ ...one, prohibit_login: place < 4 }));
    const later = { ...world, gitea: { ...world.gitea, accounts } };
    expect(runOf(later)).toMatchObject({ codes: [], held: 0, plan: { departures: { length: 3 } } });
    expect(runOf(later, { confirm: tripped.hash }).refusal).toContain(runOf(later).hash);
  });
});
