import { isWithin, normalDn } from "#shared/directory/dn.ts";
import { groupBase } from "#shared/directory/search-bases.ts";
import type { Team } from "#shared/envelope.ts";
import { isSame } from "#shared/gitea/is-same.ts";
import { groupMark } from "#shared/marks.ts";
import { countRemovals, countReturns } from "./held.ts";
import { hiddenOf, linkedAccounts } from "./hidden.ts";
import type { Plan, World } from "./plan.ts";

/** Why nobody may lose anything in this run. */
export type Guard = {
  code: string;
  reason: string;
  /** Whether a human who has seen the plan may overrule it: not where the read itself proves nothing. */
  isConfirmable: boolean;
};

/** "Guards" of README.md: a mistake in the directory, the settings or the rights must not spread. */
export function guardsOf(plan: Plan, world: World): Guard[] {
  return [
    ...readGuards(world),
    ...silenceGuards(plan, world),
    ...absenceGuards(world),
    ...shareGuards(plan, world),
    ...teamGuards(plan, world),
  ];
}

function readGuards(world: World): Guard[] {
  const { directory, gitea } = world;
  const blind = (code: string, reason: string): Guard => ({ code, reason, isConfirmable: false });
  return [
    ...directory.anomalies.map(({ code, reason }) => blind(code, reason)),
    ...gitea.moved.map((what) => blind("gitea.moving", `rows came or went while the list of ${what} was read`)),
    ...(directory.people.length === 0 ? [blind("directory.empty", "the directory has not one person to show")] : []),
    ...hiddenGuards(world),
  ];
}

/** A few people of a directory without addresses set one in Gitea by themselves; where most have one, it came from there. */
function hiddenGuards(world: World): Guard[] {
  const { mail, name } = hiddenOf(world);
  const most = linkedAccounts(world).length / 2;
  const guard = (what: string, count: number): Guard[] => {
    if (count === 0) return [];
    const reason = `nobody in the directory has a ${what}, but ${count} accounts of its source have one: may it be read?`;
    return [{ code: "directory.attribute-hidden", reason, isConfirmable: count <= most }];
  };
  return [...guard("mail address", mail), ...guard("full name", name)];
}

function shareGuards(plan: Plan, { gitea, settings }: World): Guard[] {
  const { departures, refreshes, rebinds, knownCount } = plan;
  const guards: Guard[] = [];
  const trip = (code: string, reason: string) => guards.push({ code, reason, isConfirmable: true });
  const limit = limitFor(knownCount, settings);
  // Who is blocked already was counted by the run that planned it. One alone may go: the only user of a new site may leave.
  const blocked = new Set(gitea.accounts.flatMap(({ login, prohibit_login }) => (prohibit_login ? login : [])));
  const gone = departures.filter(({ account }) => !blocked.has(account)).length;
  if (gone > 1 && gone > knownCount / 2) {
    trip("directory.halved", `${gone} of ${knownCount} known people have gone at once, more than half`);
  }
  const losing = countRemovals(plan);
  const mails = refreshes.filter(({ losesMail }) => losesMail).length;
  if (losing > limit) {
    const what = mails > 0 ? `something, ${mails} of them their mail address` : "something";
    trip("removals.many", `${losing} of ${knownCount} known people would lose ${what}: ${limit} may`);
  }
  const returning = countReturns(plan);
  if (returning > limit) trip("returns.many", `${returning} leavers would be unblocked at once: ${limit} may`);
  // All whom --rebind would accept: what is counted here, hashed and sent is one set.
  const accepted = new Set(refreshes.flatMap(({ rebind }) => rebind?.from ?? []));
  const waiting = rebinds.filter(({ from }) => !accepted.has(from));
  if (waiting.length > limit || (waiting.length > 1 && waiting.length > knownCount / 2)) {
    trip("directory.rebuilt", `${waiting.length} of ${knownCount} known people changed their id`);
  }
  return guards;
}

const limitFor = (count: number, { GUARD_MIN, GUARD_PERCENT }: World["settings"]) =>
  Math.max(GUARD_MIN, Math.floor((count * GUARD_PERCENT) / 100));

/** A group that loses many, or all: nobody empties a group of five or more by chance. */
function teamGuards({ departures, refreshes }: Plan, { gitea, settings }: World): Guard[] {
  const losses = new Map<string, number>();
  for (const { leave } of [...departures, ...refreshes]) {
    for (const name of leave) losses.set(name, (losses.get(name) ?? 0) + 1);
  }
  return gitea.teams.flatMap((team): Guard[] => {
    const loss = losses.get(team.name) ?? 0;
    const size = gitea.members.get(team.id)?.size ?? 0;
    if (loss <= limitFor(size, settings) && !(size >= 5 && loss >= size)) return [];
    const reason = `team ${team.name} would lose ${loss} of ${size} members: ${limitFor(size, settings)} may, never all`;
    return [{ code: "group.many", reason, isConfirmable: true }];
  });
}

/**
 * Configured groups that are there and show nobody, where somebody would lose something by it. Where no group at all shows
 * a member the read proves nothing; one group alone may be empty in truth, which a human can tell.
 */
function silenceGuards({ departures, refreshes }: Plan, { directory, settings }: World): Guard[] {
  const outside = new Set(
    directory.people.flatMap(({ directoryId, gone }) => (gone?.code === "person.not-allowed" ? directoryId : [])),
  );
  const leavers = departures.filter(({ directoryId }) => outside.has(directoryId)).length;
  const allowed = new Set(settings.LDAP_ALLOWED_GROUPS.map(normalDn));
  const teams = new Map(Object.entries(settings.GROUP_TEAMS).map(([dn, { team }]) => [normalDn(dn), team]));
  return directory.silentGroups.flatMap((dn): Guard[] => {
    const name = teams.get(normalDn(dn));
    const isLeft = (team: string) => name !== undefined && isSame(team, name);
    const losing =
      refreshes.filter(({ leave }) => leave.some(isLeft)).length + (allowed.has(normalDn(dn)) ? leavers : 0);
    if (losing === 0) return [];
    const reason = `"${dn}" is there but shows not one member, and ${losing} would lose something by it: may its members be read?`;
    const isConfirmable = directory.hasMembers;
    return [{ code: isConfirmable ? "group.silent" : "directory.attribute-hidden", reason, isConfirmable }];
  });
}

/** Named by the DN where its id now lives, so that a renamed group is one edit. */
function absenceGuards({ directory, gitea, settings }: World): Guard[] {
  const naming = {
    GROUP_TEAMS: new Set(Object.keys(settings.GROUP_TEAMS).map(normalDn)),
    LDAP_ALLOWED_GROUPS: new Set(settings.LDAP_ALLOWED_GROUPS.map(normalDn)),
  };
  return directory.missingGroups.map((dn) => {
    const names = Object.entries(naming).flatMap(([setting, dns]) => (dns.has(normalDn(dn)) ? [setting] : []));
    const teams = gitea.teams.filter((team) => isMadeFor(team, dn, settings.GROUP_TEAMS));
    const now = directory.groups.find(({ id }) => teams.some(({ description }) => description.startsWith(markOf(id))));
    const base = groupBase(settings);
    const advice = now ? `its id now lives at "${now.dn}"` : "correct the setting, or make the group";
    const why = isWithin(dn, base)
      ? `is not in the directory: ${advice}`
      : `lies outside the group search base "${base}", so nobody could be in it: correct the setting, or LDAP_GROUP_SEARCH_BASE`;
    const reason = `"${dn}" of ${names.join(" and ")} ${why}`;
    return { code: "group.missing", reason, isConfirmable: true };
  });
}

/** What the marks of a group's team begin with, whatever DN it had when the team was made. */
const markOf = (id: string) => groupMark({ id, dn: "", name: "" });

/** The team of the setting with that DN, or one that was made when a group had it. */
function isMadeFor({ name, description }: Team, dn: string, groupTeams: World["settings"]["GROUP_TEAMS"]): boolean {
  if (description.toLowerCase().endsWith(` dn: ${dn.toLowerCase()}`)) return true;
  return Object.entries(groupTeams).some(([key, { team }]) => normalDn(key) === normalDn(dn) && isSame(team, name));
}
