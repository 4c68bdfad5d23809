import { describe, expect, it } from "vitest";
import { decide } from "../functions/directory-sync/decide.ts";
import type { World } from "../functions/directory-sync/plan.ts";
import { population, renewed } from "./support/plan-world.ts";

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
