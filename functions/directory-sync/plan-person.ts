import { isMailed, loginNameOf } from "#shared/account-differences.ts";
import type { Person } from "#shared/directory.ts";
import type { Group, Kept } from "#shared/envelope.ts";
import { ADMINS_TEAM } from "#shared/names.ts";
import { grantedTeams } from "../team/granted-teams.ts";
import type { Known } from "./match-accounts.ts";
import type { Change } from "./plan.ts";
import type { SyncSettings } from "./settings.ts";

/** Which teams a person's groups grant, in lower case; people of the same groups share one list, so each is judged once. */
export type Grants = (groups: Group[]) => ReadonlySet<string>;

/** What every person is judged by. */
export type Rules = {
  settings: SyncSettings;
  grants: Grants;
  keeps: ReadonlySet<Kept>;
  /** Teams of that name, in lower case, that are somebody else's. */
  taken: { has(name: string): boolean };
  areGroupsRead: boolean;
};

export function createGrants(settings: SyncSettings): Grants {
  const known = new Map<Group[], ReadonlySet<string>>();
  return (groups) => {
    const granted = known.get(groups) ?? new Set(grantedTeams(groups, settings).map(({ name }) => name.toLowerCase()));
    known.set(groups, granted);
    return granted;
  };
}

/** What the stages would write for somebody who is there, by the same comparisons as theirs. */
export function changesOf(person: Person, known: Known, { grants, keeps, taken }: Rules): Change[] {
  const { account, team, memberships, isLeaver } = known;
  const changes: Change[] = [];
  const differ = (what: Change["what"], from: string, to: string) => {
    if (from !== to) changes.push({ what, from, to });
  };
  differ("login", account.login_name, loginNameOf(account, person));
  if (!keeps.has("name")) differ("name", account.full_name, person.fullName);
  if (!keeps.has("mail") && !isMailed(account, person)) differ("mail", account.email.toLowerCase(), person.email);
  differ("team", team.level, "write");
  const present = new Set(memberships.map(({ name }) => name.toLowerCase()));
  const wanted = [...grants(person.groups), ...(person.isAdmin ? [ADMINS_TEAM] : [])];
  for (const name of wanted.filter((one) => !present.has(one) && !taken.has(one)).toSorted()) differ("join", "", name);
  if (isLeaver) differ("unblock", account.prohibit_login ? "blocked" : "in leavers", "free");
  return changes;
}

/** Managed teams that the person is in and no group of theirs grants; of a team that is no longer configured nobody is taken. */
export function leavesOf(person: Person, { memberships }: Known, rules: Rules): string[] {
  const { settings, grants, areGroupsRead } = rules;
  if (!areGroupsRead) return [];
  const granted = grants(person.groups);
  const configured = new Set(Object.values(settings.GROUP_TEAMS).map(({ team }) => team.toLowerCase()));
  return memberships
    .filter(({ name }) => {
      const lower = name.toLowerCase();
      return lower === ADMINS_TEAM ? !person.isAdmin : configured.has(lower) && !granted.has(lower);
    })
    .map(({ name }) => name)
    .toSorted();
}
