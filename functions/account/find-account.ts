import type { Identity, Team } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import { type GiteaTools, isSame, type User } from "#shared/gitea.ts";
import { markedDirectoryId, personMark } from "#shared/marks.ts";
import { accountName } from "#shared/names.ts";
import { ownTeamName } from "#shared/own-team.ts";

/** An account that may be the person's. `recordedId` is the directory id that the account's own team is marked with. */
export type Candidate = { user: User; teams: Team[]; recordedId: string | undefined; isByMark: boolean };

type Tools = Pick<GiteaTools, "gitea" | "settings">;

/**
 * By name first, because that is where nearly everybody is; then by the mark of the directory id, which finds the account
 * of a person whose uid has changed; then under their other logins.
 * @param formerId the id that a rebuilt directory had given them before, accepted like the new one.
 */
export async function findAccount(
  identity: Identity,
  formerId: string | undefined,
  tools: Tools,
): Promise<Candidate | undefined> {
  const ids = [identity.directoryId, ...(formerId ? [formerId] : [])];
  const byName = await findByName(accountName(identity.username), tools);
  if (byName?.recordedId !== undefined && ids.includes(byName.recordedId)) return { ...byName, isByMark: true };

  for (const id of ids) {
    const byMark = await findMarkedAccount(id, tools);
    if (byMark) return byMark;
  }
  return byName ?? (await findByOtherLogin(identity, tools));
}

async function findByName(name: string, tools: Tools): Promise<Candidate | undefined> {
  const user = await tools.gitea.users.find(name);
  if (!user) return undefined;
  // Organisations answer here too; they and local accounts are nobody's of the directory, whatever teams they are in.
  const teams = user.source_id === 0 ? [] : await tools.gitea.teams.ofPerson(user.login);
  return { user, teams, recordedId: await recordedIdOf(user, teams, tools), isByMark: false };
}

/** Usually their own team's by its name; under a former GITEA_TEAM it is the marked one that holds nobody else. */
async function recordedIdOf(user: User, teams: Team[], { gitea, settings }: Tools): Promise<string | undefined> {
  const marked = teams.filter((team) => markedDirectoryId(team) !== undefined);
  const named = marked.find((team) => isSame(team.name, ownTeamName(user.login, settings)));
  if (named) return markedDirectoryId(named);
  for (const team of marked) {
    if ((await gitea.teams.members(team)).length === 1) return markedDirectoryId(team);
  }
  return undefined;
}

/** The account that a directory id is written down for, as the one member of the team that carries its mark. */
export async function findMarkedAccount(directoryId: string, tools: Tools): Promise<Candidate | undefined> {
  const { gitea, settings } = tools;
  const team = await gitea.teams.findByMark(personMark(directoryId));
  if (!team) return undefined;
  const members = await gitea.teams.members(team);
  // An owner may have put others into it; the team's name tells whom it was made for.
  const theirs =
    members.length === 1 ? members : members.filter((one) => isSame(ownTeamName(one, settings), team.name));
  const [login] = theirs;
  if (login === undefined && members.length > 0) {
    const advice = `it holds ${members.join(", ")}: take the others out, then replay`;
    throw new Permanent("team.ambiguous", `team ${team.name} is one person's own, but ${advice}`);
  }
  const user = login === undefined ? undefined : await gitea.users.find(login);
  if (!user) return undefined;
  return { user, teams: await gitea.teams.ofPerson(user.login), recordedId: directoryId, isByMark: true };
}

/** One human may have signed in to Gitea under another of their names before we ever met them (CASES F1). */
async function findByOtherLogin(identity: Identity, tools: Tools): Promise<Candidate | undefined> {
  for (const login of identity.logins.filter((name) => !isSame(name, identity.username))) {
    const candidate = await findByName(accountName(login), tools);
    if (candidate && identity.logins.some((name) => isSame(name, candidate.user.login_name))) return candidate;
  }
  return undefined;
}
