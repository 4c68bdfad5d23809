import { isMailed } from "#shared/account-differences.ts";
import { normalDn } from "#shared/directory/dn.ts";
import type { Person } from "#shared/directory.ts";
import type { Account } from "#shared/gitea/account-list.ts";
import { hasMail, isReal, keptOf } from "./hidden.ts";
import { type Known, type Matches, matchAccounts } from "./match-accounts.ts";
import type { Conflict, Plan, Rebind, Refresh, World } from "./plan.ts";
import { planDepartures } from "./plan-departures.ts";
import { type Draft, settleMails } from "./plan-mails.ts";
import { planNewcomer } from "./plan-newcomer.ts";
import { changesOf, createGrants, leavesOf } from "./plan-person.ts";
import { createProtection } from "./protection.ts";
import { takenTeams } from "./taken-teams.ts";
import { unmarkedLeavers } from "./unmarked-leavers.ts";

/**
 * What has to happen so that Gitea follows the directory: a pure function of the two, so that the same world always gives
 * the same plan, and a world in which the plan has been carried out gives an empty one.
 * @param withRebinds ops have decided that people with new ids are the same humans
 */
export function planSync(world: World, withRebinds = false): Plan {
  const { directory, settings } = world;
  const matches = matchAccounts(world);
  const taken = takenTeams(world);
  const { areGroupsRead } = directory;
  const rules = { settings, taken, areGroupsRead, grants: createGrants(settings), keeps: keptOf(world) };
  const isProtected = createProtection(settings);
  const drafts: Draft[] = [];
  const rebinds: Rebind[] = [];
  const conflicts: Conflict[] = [
    ...[...directory.broken, ...oddGroupsOf(world)].map(({ dn, code, reason }) => ({ dn, code, reason })),
    ...taken.values(),
    ...unmarkedLeavers(world, matches),
  ];

  const refresh = (person: Person, known: Known, rebind?: Rebind) => {
    const changes = changesOf(person, known, rules);
    const ids = rebind && { from: rebind.from, to: rebind.to };
    if (ids) changes.unshift({ what: "id", ...ids });
    const leave = leavesOf(person, known, rules);
    if (changes.length === 0 && leave.length === 0) return;
    const mail = changes.some(({ what }) => what === "mail") ? mailOf(person, known.account) : {};
    drafts.push({ ...toRefresh(person, known.account), ...mail, changes, leave, ...(ids && { rebind: ids }) });
  };

  const newcomers = planNewcomer(world, matches);
  // An id that two entries share says of neither who it is.
  const unclear = new Set(directory.broken.map(({ directoryId }) => directoryId));
  for (const person of directory.people) {
    if (person.gone || unclear.has(person.directoryId) || isProtected(person)) continue;
    const known = matches.byId.get(person.directoryId);
    if (known) {
      if (!isProtected(person, known.account)) refresh(person, known);
      continue;
    }
    const found = newcomers(person);
    if (found?.conflict) conflicts.push(found.conflict);
    if (found?.create && !isProtected(person, found.create.account)) {
      const { account, change } = found.create;
      const keepsMail = account !== undefined && (rules.keeps.has("mail") || isMailed(account, person));
      drafts.push({ ...toRefresh(person, account), ...(keepsMail ? {} : mailOf(person, account)), changes: [change] });
    }
    if (found?.rebind && !isProtected(person, found.rebind.known.account)) {
      const { pair, known: former } = found.rebind;
      rebinds.push(pair);
      if (withRebinds) refresh(person, former, pair);
    }
  }
  const settled = settleMails(drafts.toSorted(byPerson), world.gitea.accounts);
  const rebound = new Set(withRebinds ? rebinds.map(({ from }) => from) : []);
  const going = planDepartures(world, matches, rebound);
  return {
    refreshes: settled.refreshes,
    departures: going.departures.toSorted(byPerson),
    rebinds: rebinds.toSorted((one, other) => compare(one.from, other.from)),
    conflicts: sortConflicts([...conflicts, ...settled.conflicts, ...going.conflicts]),
    keeps: [...rules.keeps],
    knownCount: countKnown(matches, isProtected),
  };
}

function toRefresh({ directoryId, username, dn }: Person, account: Account | undefined): Refresh {
  return {
    directoryId,
    username,
    dn,
    account: account?.login,
    changes: [],
    leave: [],
    losesMail: false,
    freesMail: false,
  };
}

function mailOf(person: Person, account: Account | undefined): Pick<Draft, "mail" | "losesMail"> {
  return { mail: person.email, losesMail: account !== undefined && isReal(account.email) && !hasMail(person) };
}

function countKnown({ byId }: Matches, isProtected: ReturnType<typeof createProtection>): number {
  const measured = [...byId.values()].filter(({ account }) => !account.prohibit_login && !isProtected({}, account));
  return measured.length;
}

export function sortConflicts(conflicts: readonly Conflict[]): Conflict[] {
  return conflicts.toSorted((one, other) => compare(JSON.stringify(one), JSON.stringify(other)));
}

type Placed = { username: string; directoryId: string };
const byPerson = (one: Placed, other: Placed) =>
  compare(one.username, other.username) || compare(one.directoryId, other.directoryId);

/** By code units: the same everywhere, whatever the language of the machine. */
function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** Only those that a setting names: any other may be as it likes. */
function oddGroupsOf({ directory, settings }: World) {
  const named = new Set([...settings.LDAP_ALLOWED_GROUPS, ...Object.keys(settings.GROUP_TEAMS)].map(normalDn));
  return directory.oddGroups.filter(({ dn }) => named.has(normalDn(dn)));
}
