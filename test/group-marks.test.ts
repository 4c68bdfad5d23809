import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { groupMark } from "#shared/marks.ts";
import { membersOf, teamNamed, teamsNamed, teamsOf } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { lettersOf, NOTHING_TO_DO, summary, under } from "./support/journeys.ts";
import { addGroup, addPerson, groupDn } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const QUIET = { outcomes: NOTHING_TO_DO.outcomes.slice(0, 3), writes: 0 };
const bytesOf = (text: string) => Buffer.byteLength(text);

/** The part of a spawn that ends with the team. */
function granting(teams: Record<string, string>, settings: Record<string, string> = {}) {
  const byDn = Object.entries(teams).map(([cn, team]) => [groupDn(cn), { team, permission: "read" }]);
  const { pass } = under(world, { GROUP_TEAMS: JSON.stringify(Object.fromEntries(byDn)), ...settings });
  return async (user: string, leave: string[] = []) => summary(await pass(spawnOf(user, { route: "refresh", leave })));
}

describe("the mark of a group whose DN is longer than Gitea's description", () => {
  it("is cut between two characters, its team is made once, found again by the next member, and left", async () => {
    const cn = `x${"é".repeat(120)}`; // 255 bytes end within one of them
    await addGroup(world, cn, ["ada", "bob"]);
    const visit = granting({ [cn]: "long" });
    for (const user of ["ada", "bob"]) {
      await visit(user);
      expect([user, lettersOf(world.letters(), user)]).toEqual([user, []]);
    }
    const { description } = await teamNamed(world, "long");
    expect(description).toMatch(/^Managed by hubforge\. Group id: [0-9a-f-]{36} DN: cn=xé+$/);
    expect(bytesOf(description)).toBe(254);
    expect(await teamsNamed(world, "long")).toHaveLength(1);
    expect(await membersOf(world, "long")).toEqual(["ada", "bob"]);
    expect(await visit("ada", ["long"])).toEqual(QUIET);
    // The team is another group's now, and ada is not in that one.
    expect(await granting({ nobodys: "long" })("ada", ["long"])).toMatchObject({ writes: 1 });
    expect(await membersOf(world, "long")).toEqual(["bob"]);
  });

  it("may be all id: two groups that are known by such DNs have a team each", async () => {
    await addPerson(world, { uid: "lea" });
    const [one, two] = [`${"g".repeat(230)}-one`, `${"g".repeat(230)}-two`];
    for (const cn of [one, two]) await addGroup(world, cn, ["lea"]);
    // People have that id and groups have not: a group is known by its DN.
    const visit = granting({ [one]: "team-one", [two]: "team-two" }, { LDAP_ID_ATTRIBUTE: "uid" });
    await visit("lea");
    expect(await teamsOf(world, "lea")).toEqual(["lea", "team-one", "team-two"]);
    expect(bytesOf((await teamNamed(world, "team-two")).description)).toBe(255);
    expect(await visit("lea")).toEqual(QUIET);
  });

  it.each(["é", "€", "𝄞", "e\u0301"])("never ends in half of %s", (letter) => {
    for (let lead = 0; lead < 4; lead += 1) {
      const dn = `${"x".repeat(lead)}${letter.repeat(200)}`;
      const mark = groupMark({ id: "7", name: "long", dn });
      expect(`Managed by hubforge. Group id: 7 DN: ${dn}`.startsWith(mark)).toBe(true);
      expect(bytesOf(mark)).toBeGreaterThan(255 - 2 * bytesOf(letter));
      expect(bytesOf(mark)).toBeLessThanOrEqual(255);
    }
  });
});
