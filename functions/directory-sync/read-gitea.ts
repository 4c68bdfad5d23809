import type { Team } from "#shared/envelope.ts";
import type { Account, GiteaLists } from "#shared/gitea/account-list.ts";
import type { Listed } from "#shared/gitea/list-all.ts";
import { isCommonTeam, isLeaversTeam, markedDirectoryId } from "#shared/marks.ts";
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
  // Only who is made anew can meet an organisation of their name; no removal rests on that list, so it may move.
  const { items: organisations } = settings.SYNC_CREATE === "none" ? { items: [] } : await lists.organisations();
  const teams = complete("teams", await lists.teams());
  const readMembers = async (team: Team) =>
    new Set(complete(`members of ${team.name}`, await lists.members(team)).map(({ id }) => id));

  const members = new Map<number, ReadonlySet<number>>();
  for (const team of teams.filter(isForMany)) members.set(team.id, await readMembers(team));
  const { ownTeams, others } = ownTeamsOf(accounts, teams, settings);
  for (const team of others) {
    const [only, ...more] = await readMembers(team);
    if (only !== undefined && more.length === 0 && !ownTeams.has(only)) ownTeams.set(only, team);
  }
  const names = organisations.map(({ username }) => username.toLowerCase());
  return { accounts, organisations: names, teams, members, ownTeams, moved };
}

const isForMany = (team: Team) => isCommonTeam(team) || isLeaversTeam(team);

/** By their name in lower case; of two teams of one name the lowest id counts (rule 15 of shared/gitea/README.md). */
export const teamsByName = (teams: readonly Team[]): Map<string, Team> =>
  new Map(teams.toSorted((one, other) => other.id - one.id).map((team) => [team.name.toLowerCase(), team]));

/** Whose own team is whose, by Gitea's id of the account; `others` carry a mark but no account's name. */
export function ownTeamsOf(accounts: readonly Account[], teams: readonly Team[], settings: SyncSettings) {
  const marked = teamsByName(teams.filter((team) => markedDirectoryId(team) !== undefined));
  const ownTeams = new Map<number, Team>();
  for (const { id, login } of accounts) {
    const name = nameOf(login, settings);
    const team = name === undefined ? undefined : marked.get(name);
    if (!team || name === undefined) continue;
    ownTeams.set(id, team);
    marked.delete(name);
  }
  return { ownTeams, others: [...marked.values()] };
}

/** Undefined where GITEA_TEAM gives this account no name: then it has none. */
function nameOf(login: string, settings: SyncSettings): string | undefined {
  try {
    return ownTeamName(login, settings).toLowerCase();
  } catch {
    return undefined;
  }
}
