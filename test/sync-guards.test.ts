import { describe, expect, it } from "vitest";
import { decide } from "../functions/directory-sync/decide.ts";
import { guardsOf } from "../functions/directory-sync/guards.ts";
import type { World } from "../functions/directory-sync/plan.ts";
import { planSync } from "../functions/directory-sync/plan-sync.ts";
import {
  account,
  group,
  groupTeam,
  leaversTeam,
  ownTeam,
  person,
  population,
  renewed,
  worldOf,
} from "./support/plan-world.ts";

const guards = (world: World) => guardsOf(planSync(world), world).map(({ code }) => code);
const missing = (count: number) => (place: number) => place >= count;

const showing = (directory: Partial<World["directory"]>) => (world: World) => ({
  ...world,
  directory: { ...world.directory, ...directory },
});
const mailless = (one: World["directory"]["people"][number]) => ({ ...one, emails: [] });

/** `size` people in the team of a group that grants nothing to the first `leaving` of them. */
function team(size: number, leaving: number): World {
  const groups = [group("datasci")];
  const names = Array.from({ length: size }, (_, place) => `p${place}`);
  const datasci = groupTeam("datasci");
  return worldOf({
    people: names.map((name, place) => person(name, place < leaving ? {} : { groups })),
    accounts: names.map((name) => account(name)),
    teams: [...names.map((name) => ownTeam(name)), datasci],
    members: [[datasci, names]],
    directory: { groups },
    settings: { GROUP_TEAMS: { [group("datasci").dn]: { team: "datasci", permission: "write" } } },
  });
}

describe("23 guards, on both sides of each threshold", () => {
  it("let 5 people go, and 10 % of many, and not one more", () => {
    expect(guards(population(20, missing(5)))).toEqual([]);
    expect(guards(population(20, missing(6)))).toEqual(["removals.many"]);
    expect(guards(population(100, missing(10)))).toEqual([]);
    expect(guards(population(100, missing(11)))).toEqual(["removals.many"]);
  });

  it("follow GUARD_MIN and GUARD_PERCENT", () => {
    const world = population(100, missing(3));
    const settings = { ...world.settings, GUARD_MIN: 2, GUARD_PERCENT: 2 };
    expect(guards({ ...world, settings })).toEqual(["removals.many"]);
    expect(guards({ ...world, settings: { ...settings, GUARD_PERCENT: 3 } })).toEqual([]);
    const none = { ...settings, GUARD_MIN: 0, GUARD_PERCENT: 0 };
    expect(guards({ ...population(100, missing(1)), settings: none })).toEqual(["removals.many"]);
  });

  it("measure by people who may still sign in, so that leavers of old make no room for more", () => {
    const world = population(100, missing(9));
    const blocked = world.gitea.accounts.map((one, place) => ({ ...one, prohibit_login: place >= 80 }));
    expect(guards(world)).toEqual([]);
    expect(guards({ ...world, gitea: { ...world.gitea, accounts: blocked } })).toEqual(["removals.many"]);
  });

  it("stop where fewer than half of the known people are found, however many others there are", () => {
    expect(guards(population(8, missing(4), 100))).toEqual([]);
    expect(guards(population(8, missing(5), 100))).toEqual(["directory.halved"]);
    expect(guards(population(5, missing(5), 100))).toEqual(["directory.halved"]);
    expect(guards(population(2, missing(2), 100))).toEqual(["directory.halved"]);
    expect(guards(population(1, missing(1), 100))).toEqual([]);
    const disabled = { code: "person.disabled" as const, reason: "…" };
    const world = population(2);
    const people = world.directory.people.map((one) => ({ ...one, gone: disabled }));
    expect(guards({ ...world, directory: { ...world.directory, people } })).toEqual(["directory.halved"]);
  });

  it("do not count leavers of old, who are only taken out of a team, among those gone at once", () => {
    const world = team(4, 0);
    const people = [...world.directory.people.slice(0, 2), person("other")];
    const accounts = world.gitea.accounts.map((one, place) => ({ ...one, prohibit_login: place === 3 }));
    const changed = { ...world, directory: { ...world.directory, people }, gitea: { ...world.gitea, accounts } };
    expect(planSync(changed).departures).toHaveLength(2);
    expect(guards(changed)).toEqual([]);
  });

  it("24 stop a directory that shows nobody, whoever confirms", () => {
    const world = population(3, () => false);
    expect(guards(world)).toEqual(["directory.empty", "directory.halved"]);
    const { hash } = decide(world, {});
    expect(decide(world, { confirm: hash }).refusal).toContain("proves nothing");
  });

  it("stop a group that loses more than 5 members or 10 %, or all five of its members", () => {
    expect(guards(team(20, 5))).toEqual([]);
    expect(guards(team(20, 6))).toEqual(["removals.many", "group.many"]);
    expect(guards(team(5, 5))).toEqual(["group.many"]);
    expect(guards(team(4, 4))).toEqual([]);
  });

  it("count a group's losses by departures as well", () => {
    const world = team(5, 0);
    expect(guards({ ...world, directory: { ...world.directory, people: [person("other")] } })).toContain("group.many");
  });

  it("stop everything where people have new ids, from two and half of them on, or more than the limit", () => {
    expect(guards(renewed(1, 1))).toEqual([]);
    expect(guards(renewed(2, 3))).toEqual(["directory.halved", "directory.rebuilt"]);
    expect(guards(renewed(2, 4))).toEqual([]);
    expect(guards(renewed(5, 20))).toEqual([]);
    expect(guards(renewed(6, 20))).toEqual(["removals.many", "directory.rebuilt"]);
  });

  it("leave a leaver, and whom an admin banned, out of what is counted, hashed and sent for a rebuilt directory", () => {
    const names = ["ada", "bob", "dan", "eve"];
    const world = worldOf({
      people: names.map((name) => person(name, { directoryId: `new-${name}` })),
      accounts: names.map((name) => account(name, { prohibit_login: name === "ada" || name === "eve" })),
      teams: [...names.map((name) => ownTeam(name)), leaversTeam],
      members: [[leaversTeam, ["ada"]]],
    });
    const { guards: tripped, plan, rebindHash = "" } = decide(world, {});
    const rebuilt = tripped.find(({ code }) => code === "directory.rebuilt");
    expect(rebuilt?.reason).toBe("2 of 2 known people changed their id");
    expect(plan.conflicts.map(({ code, dn }) => [code, dn?.split(",")[0]])).toEqual([
      ["identity.other-id", "uid=ada"],
      ["identity.other-id", "uid=eve"],
    ]);
    const accepted = decide(world, { rebind: rebindHash }).plan;
    expect(accepted.refreshes.map(({ username, rebind }) => [username, rebind])).toEqual([
      ["bob", { from: "id-of-bob", to: "new-bob" }],
      ["dan", { from: "id-of-dan", to: "new-dan" }],
    ]);
    expect(accepted.departures).toEqual([]);
  });

  it("do not take a name that a broken entry has as well for the one person who had it", () => {
    const world = population(3);
    const people = world.directory.people.map((one) => ({ ...one, directoryId: `new-${one.username}` }));
    const broken = {
      dn: "uid=p0,ou=old",
      code: "directory.no-id",
      reason: "…",
      directoryId: undefined,
      logins: ["P0"],
    };
    const directory = { ...world.directory, people, broken: [broken] };
    const { rebinds, conflicts } = planSync({ ...world, directory });
    expect(rebinds.map(({ username }) => username)).toEqual(["p1", "p2"]);
    expect(conflicts.map(({ code }) => code)).toContain("identity.other-id");
  });

  const blind: [string, (world: World) => World][] = [
    ...[
      "ldap.limit",
      "ldap.referral",
      "ldap.range",
      "directory.bad-group",
      "directory.bad-member",
      "directory.nameless",
    ].map((code): [string, (world: World) => World] => [code, showing({ anomalies: [{ code, reason: "…" }] })]),
    ["directory.attribute-hidden", showing({ hasNames: false })],
    ["directory.attribute-hidden", (world) => showing({ people: world.directory.people.map(mailless) })(world)],
    ["gitea.moving", (world) => ({ ...world, gitea: { ...world.gitea, moved: ["accounts"] } })],
    ["directory.empty", showing({ people: [] })],
  ];

  it.each(blind)("stop at a read that proves nothing, and no confirmation lets it through: %s", (code, changed) => {
    const world = changed(population(20, missing(1)));
    expect(guards(world)).toContain(code);
    const { hash, isTaking, advice } = decide(world, {});
    expect([isTaking, advice]).toEqual([false, {}]);
    const confirmed = decide(world, { confirm: hash });
    expect(confirmed).toMatchObject({ isTaking: false, refusal: expect.stringContaining("proves nothing") });
  });
});
