import type { Team } from "#shared/envelope.ts";
import type { Account, GiteaLists } from "#shared/gitea/account-list.ts";
import type { Listed } from "#shared/gitea/list-all.ts";
import { isGroupTeam, markedDirectoryId } from "#shared/marks.ts";
import { ADMINS_TEAM, LEAVERS_TEAM } from "#shared/names.ts";
import { ownTeamName } from "#shared/own-team.ts";
import type { GiteaState } from "./plan.ts";
import type { SyncSettings } from "./settings.ts";

/**
 * All accounts and teams, and who is in the teams that are kept for many. A person's own team is known by its name, so its
 * members are asked for only where no account has that name (GITEA_TEAM was another once).
 * @throws Retryable `gitea.*` when a list is not complete
 */
export async function readGitea(lists: GiteaLists, settings: SyncSettings): Promise<GiteaState> {
  const moved: string[] = [];
  const complete = <Item>(what: string, { items, hasMoved }: Listed<Item>): Item[] => {
    if (hasMoved) moved.push(what);
    return items;
  };
  const accounts = complete("accounts", await lists.accounts());
  // Only who is made anew can meet an organisation of their name.
  const organisations = settings.SYNC_CREATE === "none" ? { items: [], hasMoved: false } : await lists.organisations();
  const teams = complete("teams", await lists.teams());
  const readMembers = async (team: Team) =>
    new Set(complete(`members of ${team.name}`, await lists.members(team)).map(({ id }) => id));

  const members = new Map<number, ReadonlySet<number>>();
  for (const team of teams.filter(isForMany)) members.set(team.id, await readMembers(team));
  const oddTeams = new Map<number, Team>();
  for (const team of oddOnes(teams, accounts, settings)) {
    const [only, ...others] = await readMembers(team);
    if (only !== undefined && others.length === 0) oddTeams.set(only, team);
  }
  const names = complete("organisations", organisations).map(({ username }) => username.toLowerCase());
  return { accounts, organisations: names, teams, members, oddTeams, moved };
}

const isForMany = (team: Team) => isGroupTeam(team) || [ADMINS_TEAM, LEAVERS_TEAM].includes(team.name.toLowerCase());

/** Own teams that no account's name leads to. */
function oddOnes(teams: Team[], accounts: Account[], settings: SyncSettings): Team[] {
  const expected = new Set(accounts.flatMap(({ login }) => nameOf(login, settings) ?? []));
  return teams.filter((team) => markedDirectoryId(team) !== undefined && !expected.has(team.name.toLowerCase()));
}

/** Undefined where GITEA_TEAM gives this account no name: then it has none. */
export function nameOf(login: string, settings: SyncSettings): string | undefined {
  try {
    return ownTeamName(login, settings).toLowerCase();
  } catch {
    return undefined;
  }
}
