import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { departEnvelope, refreshEnvelope, removalHash } from "../functions/directory-sync/envelopes.ts";
import type { World } from "../functions/directory-sync/plan.ts";
import { planSync } from "../functions/directory-sync/plan-sync.ts";
import { applyPlan } from "./support/apply-plan.ts";
import { account, group, groupTeam, leaversTeam, ownTeam, person, worldOf } from "./support/plan-world.ts";

const NAMES = ["ada", "bob", "Carol", "dan", "eve", "f.rank", "svc", "müller"];
const GROUPS = ["datasci", "lab"];
const datasci = groupTeam("datasci");
const lab = groupTeam("lab");
const friends = { id: 2, name: "friends", description: "of ada's", level: "read" as const };
const admins = { id: 3, name: "admins", description: "Managed by hubforge. …", level: "admin" as const };

const oneOf = <Value>(...values: Value[]) => fc.constantFrom(...values);

const anyPerson = fc.record({
  isThere: oneOf(true, true, true, false),
  id: oneOf("own", "own", "own", "new"),
  groups: fc.subarray(GROUPS),
  mail: oneOf("own", "a@x.example", "b@x.example", "c@x.example", "none"),
  fullName: oneOf("Person", "Other"),
  gone: oneOf(false, false, false, true),
  isAdmin: oneOf(false, false, true),
  renamedTo: oneOf(undefined, undefined, "grace"),
});
const anyAccount = fc.record({
  isThere: oneOf(true, true, false),
  source: oneOf(1, 1, 1, 0),
  mark: oneOf("own", "own", "none", "other"),
  mail: oneOf("own", "a@x.example", "b@x.example", "c@x.example"),
  teams: fc.subarray(["datasci", "lab", "friends", "admins"]),
  isSiteAdmin: oneOf(false, false, false, true),
  blocked: oneOf("no", "no", "leaver", "ban"),
});
const anyWorld = fc
  .record({
    people: fc.tuple(...NAMES.map(() => anyPerson)),
    accounts: fc.tuple(...NAMES.map(() => anyAccount)),
    create: oneOf("none" as const, "allowed" as const),
    updates: oneOf(true, true, false),
    native: oneOf(false, false, true),
    protectedNames: fc.subarray(["bob", "CAROL"]),
  })
  .map(build);

type Wish = Parameters<Parameters<typeof anyPerson.map>[0]>[0];
type AccountWish = Parameters<Parameters<typeof anyAccount.map>[0]>[0];

function build(wish: {
  people: Wish[];
  accounts: AccountWish[];
  create: "none" | "allowed";
  updates: boolean;
  native: boolean;
  protectedNames: string[];
}): World {
  const groups = new Map<string, ReturnType<typeof group>[]>();
  const people = wish.people.flatMap((one, place) => {
    if (!one.isThere) return [];
    const name = NAMES[place] ?? "";
    const username = one.renamedTo && place === 4 ? one.renamedTo : name;
    const key = one.groups.join();
    const theirs = groups.get(key) ?? one.groups.map(group);
    groups.set(key, theirs);
    const mail = one.mail === "own" ? `${name.replace("ü", "u")}@uni.example` : one.mail;
    return person(username, {
      directoryId: one.id === "own" ? `id-of-${name}` : `new-id-of-${name}`,
      groups: theirs,
      fullName: one.fullName,
      isAdmin: one.isAdmin,
      ...(mail === "none" ? { email: `${place}@hubforge.invalid`, emails: [] } : { email: mail, emails: [mail] }),
      ...(one.gone && { gone: { code: "person.disabled" as const, reason: "locked" } }),
    });
  });
  return worldOf({
    people,
    ...accountsOf(wish.accounts),
    settings: {
      SYNC_CREATE: wish.create,
      SYNC_UPDATE_EXISTING: wish.updates,
      GITEA_NATIVE_SYNC: wish.native,
      PROTECTED_USERS: wish.protectedNames,
      GROUP_TEAMS: Object.fromEntries(
        GROUPS.map((name) => [group(name).dn, { team: name, permission: "write" as const }]),
      ),
    },
  });
}

/** Names that Gitea takes as they are; two accounts never share an address, as Gitea sees to it. */
function accountsOf(wishes: AccountWish[]) {
  const mails = new Set<string>();
  const made = wishes.flatMap((one, place) => {
    const login = NAMES[place] ?? "";
    if (!one.isThere || login === "müller") return [];
    const wanted = one.mail === "own" ? `${login}@uni.example` : one.mail;
    const email = mails.has(wanted) ? `${login}@elsewhere.example` : wanted;
    mails.add(email);
    return [
      {
        login,
        wish: one,
        row: account(login, {
          email,
          source_id: one.source,
          is_admin: one.isSiteAdmin,
          prohibit_login: one.blocked !== "no",
        }),
      },
    ];
  });
  const membersOf = (name: string) => made.flatMap(({ login, wish }) => (wish.teams.includes(name) ? [login] : []));
  const leavers = made.flatMap(({ login, wish }) => (wish.blocked === "leaver" ? [login] : []));
  const own = made.flatMap(({ login, wish }) => {
    if (wish.mark === "none") return [];
    return [ownTeam(login, wish.mark === "own" ? `id-of-${login}` : `former-id-of-${login}`)];
  });
  return {
    accounts: made.map(({ row }) => row),
    teams: [...own, datasci, lab, friends, admins, leaversTeam],
    members: [
      [datasci, membersOf("datasci")],
      [lab, membersOf("lab")],
      [friends, membersOf("friends")],
      [admins, membersOf("admins")],
      [leaversTeam, leavers],
    ] satisfies [typeof datasci, string[]][],
  };
}

describe("the plan, for any directory and any Gitea", () => {
  it("is empty once it has been carried out, where addresses are exchanged after two runs", () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        let next = world;
        for (let run = 0; run < 2; run += 1) next = { ...next, gitea: applyPlan(next, planSync(next)) };
        expect(planSync(next)).toMatchObject({ refreshes: [], departures: [] });
      }),
      { numRuns: 1_000 },
    );
  });

  it("never touches site admins, protected names, other sources' accounts and unmarked ones of leavers", () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        const { conflicts, knownCount, rebinds } = planSync(world);
        const accepted = planSync(world, true);
        const plans = [planSync(world), accepted];
        const refreshes = plans.flatMap((plan) => plan.refreshes);
        const departures = plans.flatMap((plan) => plan.departures);
        const byName = new Map(world.gitea.accounts.map((one) => [one.login, one]));
        const planned = [...refreshes, ...departures, ...rebinds];
        const touched = planned.flatMap(({ account: login }) => byName.get(login ?? "") ?? []);
        const guarded = new Set(world.settings.PROTECTED_USERS.map((name) => name.toLowerCase()));
        for (const { username } of planned) expect(guarded.has(username.toLowerCase())).toBe(false);
        const told = conflicts.filter(
          ({ code }) => !["team.taken", "leaver.is-admin", "leaver.unmarked"].includes(code),
        );
        const names = told.map(({ dn }) => /^uid=([^,]*)/.exec(dn ?? "")?.[1] ?? "");
        for (const name of names) expect(guarded.has(name.toLowerCase())).toBe(false);
        expect(accepted.refreshes.flatMap(({ rebind }) => rebind?.from ?? []).toSorted()).toEqual(
          rebinds.map(({ from }) => from),
        );
        for (const { is_admin, login, source_id } of touched) {
          expect({ is_admin, source_id }).toEqual({ is_admin: false, source_id: 1 });
          expect(guarded.has(login.toLowerCase())).toBe(false);
        }
        const marked = new Set(
          world.gitea.teams.filter(({ description }) => /Directory id/.test(description)).map(({ name }) => name),
        );
        for (const { account: login } of departures) expect(marked.has(login)).toBe(true);
        const measured = world.gitea.accounts.filter(
          ({ login, is_admin, prohibit_login, source_id }) =>
            marked.has(login) && source_id === 1 && !is_admin && !prohibit_login && !guarded.has(login.toLowerCase()),
        );
        expect(knownCount).toBe(measured.length);
      }),
    );
  });

  it("takes people out of managed teams only, and never anybody whom the directory still grants them", () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        const plan = planSync(world);
        for (const { leave, directoryId } of plan.refreshes) {
          const theirs = world.directory.people.find((one) => one.directoryId === directoryId);
          const granted = [...(theirs?.groups.map(({ name }) => name) ?? []), ...(theirs?.isAdmin ? ["admins"] : [])];
          for (const team of leave)
            expect(["datasci", "lab", "admins"].filter((one) => !granted.includes(one))).toContain(team);
        }
        const present = new Set(world.directory.people.flatMap((one) => (one.gone ? [] : [one.directoryId])));
        for (const { directoryId, leave } of plan.departures) {
          expect(present.has(directoryId)).toBe(false);
          expect(leave).not.toContain("friends");
        }
        const after = applyPlan(world, plan);
        expect(after.members.get(friends.id)).toEqual(world.gitea.members.get(friends.id));
      }),
    );
  });

  it("is the same in whatever order both sides are listed, with the same hash", () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        const { directory, gitea } = world;
        const turned = {
          ...world,
          directory: { ...directory, people: directory.people.toReversed() },
          gitea: { ...gitea, accounts: gitea.accounts.toReversed(), teams: gitea.teams.toReversed() },
        };
        expect(planSync(turned)).toEqual(planSync(world));
        expect(removalHash(planSync(turned))).toBe(removalHash(planSync(world)));
      }),
    );
  });
});

describe("what is sent", () => {
  const sending = { isTaking: true, isUnblocking: true, keeps: [], now: new Date("2026-11-24T09:00:00Z") };
  const refresh = {
    directoryId: "id-of-ada",
    username: "ada",
    dn: "uid=ada",
    account: "ada",
    losesMail: false,
    freesMail: false,
  };

  it("has an id that comes from the change", () => {
    const renamed = { ...refresh, changes: [{ what: "name" as const, from: "A", to: "B" }], leave: [] };
    const other = { ...renamed, changes: [{ what: "name" as const, from: "A", to: "C" }] };
    const ids = [renamed, renamed, other].map((one) => refreshEnvelope(one, sending)?.delivery.id);
    expect(ids[0]).toMatch(/^id-of-ada:[0-9a-f]{12}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it("leaves removals out while they are held back, and is nothing when nothing else is left", () => {
    const both = { ...refresh, changes: [{ what: "name" as const, from: "A", to: "B" }], leave: ["datasci"] };
    expect(refreshEnvelope(both, sending)?.leave).toEqual(["datasci"]);
    expect(refreshEnvelope(both, { ...sending, isTaking: false })?.leave).toEqual([]);
    expect(refreshEnvelope({ ...both, changes: [] }, { ...sending, isTaking: false })).toBeUndefined();
  });

  it("names the leaver by directory id, in the line of their name", () => {
    const leaver = { directoryId: "id-of-ada", username: "ada", account: "ada", reason: "gone", leave: ["datasci"] };
    expect(departEnvelope(leaver, sending)).toMatchObject({
      route: "depart",
      directoryId: "id-of-ada",
      leave: ["datasci"],
      delivery: { hub: "sync", user: "ada" },
    });
  });
});

describe("31 one bad entry", () => {
  it("is told by its DN, stops nobody, and is not taken for a leaver", () => {
    const world = worldOf({
      people: [person("ada", { fullName: "New" })],
      accounts: [account("ada"), account("bob"), account("eve")],
      teams: [ownTeam("ada"), ownTeam("bob"), ownTeam("eve")],
      directory: {
        broken: [
          { dn: "cn=bob", code: "directory.no-name", reason: "no uid", directoryId: "id-of-bob", logins: [] },
          { dn: "uid=eve", code: "directory.no-id", reason: "no id", directoryId: undefined, logins: ["EVE"] },
        ],
      },
    });
    const { refreshes, departures, conflicts } = planSync(world);
    expect(refreshes.map(({ username }) => username)).toEqual(["ada"]);
    expect(departures).toEqual([]);
    expect(conflicts.map(({ dn, code }) => [dn, code])).toEqual([
      ["cn=bob", "directory.no-name"],
      ["uid=eve", "directory.no-id"],
    ]);
  });
});

describe("two entries of one directory id", () => {
  it("are told, and neither is the account's: nothing is sent, whichever comes first", () => {
    const [ada, twin] = [person("ada"), person("bob", { directoryId: "id-of-ada", fullName: "Bob" })];
    const broken = [
      { dn: twin.dn, code: "directory.same-id" as const, reason: "one id", directoryId: "id-of-ada", logins: ["bob"] },
    ];
    for (const people of [
      [ada, twin],
      [twin, ada],
    ]) {
      const world = worldOf({ people, accounts: [account("ada")], teams: [ownTeam("ada")], directory: { broken } });
      expect(planSync(world)).toMatchObject({
        refreshes: [],
        departures: [],
        conflicts: [{ code: "directory.same-id" }],
      });
    }
  });
});

describe("an account that nobody has marked", () => {
  const plan = (created: string, createdAt: string | null) =>
    planSync(
      worldOf({
        people: [person("ada", { createdAt })],
        accounts: [account("ada", { created })],
        settings: { SYNC_CREATE: "allowed" },
      }),
    );

  it("is adopted, unless it is older than the person's entry: its first owner may have been somebody else", () => {
    expect(plan("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z").refreshes).toHaveLength(1);
    const older = plan("2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z");
    expect([older.refreshes, older.conflicts.map(({ code }) => code)]).toEqual([[], ["account.unproven"]]);
    expect(plan("2025-12-31T00:00:00Z", null).refreshes).toHaveLength(1);
  });
});
