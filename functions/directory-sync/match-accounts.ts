import type { Team } from "#shared/envelope.ts";
import type { Account } from "#shared/gitea/account-list.ts";
import { isCommonTeam, isLeaversTeam, markedDirectoryId } from "#shared/marks.ts";
import type { World } from "./plan.ts";

/** An account whose own team is marked: somebody who has spawned, and ours to keep in line. */
export type Known = {
  account: Account;
  /** Who the mark says it is. */
  directoryId: string;
  team: Team;
  /** The teams kept for many that they are in, `leavers` left out. */
  memberships: Team[];
  isLeaver: boolean;
};

export type Matches = {
  byId: Map<string, Known>;
  /** By Gitea's id of the account. */
  byAccount: Map<number, Known>;
  /** Every account, also of other sources, by its name in lower case. */
  byName: Map<string, Account>;
};

export function matchAccounts({ gitea, settings }: World): Matches {
  const memberships = membershipsOf(gitea.teams, gitea.members);
  const matches: Matches = { byId: new Map(), byAccount: new Map(), byName: new Map() };
  for (const account of gitea.accounts) {
    matches.byName.set(account.login.toLowerCase(), account);
    const team = gitea.ownTeams.get(account.id);
    const directoryId = team && markedDirectoryId(team);
    if (!team || directoryId === undefined || account.source_id !== settings.GITEA_AUTH_SOURCE_ID) continue;
    if (isOlder(matches.byId.get(directoryId)?.team, team)) continue;
    const all = memberships.get(account.id) ?? [];
    const known = {
      account,
      directoryId,
      team,
      memberships: all.filter((one) => !isLeaversTeam(one)),
      isLeaver: all.some(isLeaversTeam),
    };
    matches.byId.set(directoryId, known);
    matches.byAccount.set(account.id, known);
  }
  return matches;
}

const isOlder = (one: Team | undefined, other: Team) => one !== undefined && one.id < other.id;

/** Members of a team that only bears the name of one of ours are nobody's business. */
function membershipsOf(teams: readonly Team[], members: World["gitea"]["members"]): Map<number, Team[]> {
  const found = new Map<number, Team[]>();
  for (const team of teams.filter((one) => isCommonTeam(one) || isLeaversTeam(one))) {
    for (const id of members.get(team.id) ?? []) found.set(id, [...(found.get(id) ?? []), team]);
  }
  return found;
}
