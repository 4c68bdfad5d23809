import { describe, expect, it } from "vitest";
import { decide } from "../functions/directory-sync/decide.ts";
import { guardsOf } from "../functions/directory-sync/guards.ts";
import type { World } from "../functions/directory-sync/plan.ts";
import { planSync } from "../functions/directory-sync/plan-sync.ts";
import { population, renewed } from "./support/plan-world.ts";

const guards = (world: World) => guardsOf(planSync(world), world).map(({ code }) => code);
const mailless = (one: World["directory"]["people"][number]) => ({ ...one, emails: [] });
const missing = (count: number) => (place: number) => place >= count;

describe("a confirmation", () => {
  it("lets exactly the removals of its hash through, and an unrelated change does not void it", () => {
    const world = population(20, missing(8));
    const { hash, isTaking } = decide(world, {});
    expect(isTaking).toBe(false);
    expect(decide(world, { confirm: hash }).isTaking).toBe(true);
    const people = world.directory.people.map((one, place) => (place === 0 ? { ...one, fullName: "New Name" } : one));
    const changed = { ...world, directory: { ...world.directory, people } };
    expect(decide(changed, { confirm: hash })).toMatchObject({ isTaking: true });
    const grown = population(20, missing(9));
    expect(decide(grown, { confirm: hash })).toMatchObject({ isTaking: false, refusal: expect.stringContaining(hash) });
  });

  it("says what to do with a hash that does not fit", () => {
    const refusal = (world: World, consent: Parameters<typeof decide>[1]) => decide(world, consent).refusal;
    const many = population(20, missing(8));
    const { hash } = decide(many, {});
    const wrong = "000000000000";
    expect(refusal(many, { confirm: wrong })).toContain(`then --confirm ${hash}`);
    expect(refusal(many, { rebind: hash })).toBe(`${hash} is the hash of the removals: --confirm ${hash}`);
    expect(refusal(many, { rebind: wrong })).toContain("nobody has a new id");
    expect(refusal(population(20), { confirm: hash })).toContain("nothing is held back");

    const { rebindHash: newIds = "" } = decide(renewed(8, 20), {});
    expect(refusal(renewed(8, 20), { rebind: wrong })).toContain(`then --rebind ${newIds}`);
    expect(refusal(renewed(8, 20), { confirm: newIds })).toBe(
      `${newIds} is the hash of the new ids: --rebind ${newIds}`,
    );
    expect(refusal(renewed(1, 20), { rebind: wrong })).toContain("accounts rebind");
  });
});

describe("addresses that nobody has", () => {
  it("but a few, set in Gitea by the people themselves, can be confirmed: the person goes, the addresses stay", () => {
    const world = population(4, missing(1));
    const people = world.directory.people.map(mailless);
    const own = (count: number) => {
      const accounts = world.gitea.accounts.map((one, place) =>
        place >= 4 - count ? one : { ...one, email: `${one.login}@hubforge.invalid` },
      );
      return { ...world, directory: { ...world.directory, people }, gitea: { ...world.gitea, accounts } };
    };
    const { hash, isTaking, plan } = decide(own(2), {});
    expect([guards(own(2)), isTaking, plan.refreshes, plan.keeps]).toEqual([
      ["directory.attribute-hidden"],
      false,
      [],
      ["mail"],
    ]);
    expect(decide(own(2), { confirm: hash })).toMatchObject({ isTaking: true, plan: { departures: { length: 1 } } });
    expect(decide(own(3), { confirm: hash }).refusal).toContain("proves nothing");
  });

  it.each(["localhost.local", "hubforge.invalid"])("are no proof that somebody had one: @%s", (domain) => {
    const world = population(4);
    const people = world.directory.people.map(mailless);
    const accounts = world.gitea.accounts.map((one) => ({ ...one, email: `${one.login}@${domain}` }));
    const changed = { ...world, directory: { ...world.directory, people }, gitea: { ...world.gitea, accounts } };
    expect(guards(changed)).toEqual([]);
  });
});
