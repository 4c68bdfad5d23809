import type { Identity, Team } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import { type GiteaTools, isSame, type User } from "#shared/gitea.ts";
import { markedDirectoryId, personMark } from "#shared/marks.ts";
import { ownAccountName } from "#shared/own-account.ts";
import { ownTeamName } from "#shared/own-team.ts";

/** An account that may be the person's. `recordedId` is the directory id that the account's own team is marked with. */
export type Candidate = { user: User; teams: Team[]; recordedId: string | undefined; isByMark: boolean };

type Seen = Pick<Candidate, "user" | "teams">;
/** Who asks: the person's directory ids and every name that they sign in with. */
type Claim = { ids: readonly string[]; logins: readonly string[] };
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
  const claim = { ids, logins: identity.logins };
  const byName = await findByName(ownAccountName(identity.username, tools.settings), claim, tools);
  if (byName?.recordedId !== undefined && ids.includes(byName.recordedId)) return { ...byName, isByMark: true };

  for (const id of ids) {
    const byMark = await findMarkedAccount(id, tools, identity.logins);
    if (byMark) return byMark;
  }
  const candidate = byName ?? (await findByOtherLogin(identity, claim, tools));
  return candidate && (await withRecord(candidate, tools));
}

/** People may leave their own team by a click of theirs; whose account it is still stands in the team of its name. */
async function withRecord(candidate: Candidate, { gitea, settings }: Tools): Promise<Candidate> {
  const { user, teams, recordedId } = candidate;
  const name = ownTeamName(user.login, settings);
  if (recordedId !== undefined || user.source_id === 0 || teams.some((team) => isSame(team.name, name)))
    return candidate;
  const left = await gitea.teams.findByName(name);
  return { ...candidate, recordedId: left && markedDirectoryId(left) };
}

async function findByName(name: string, claim: Claim, tools: Tools): Promise<Candidate | undefined> {
  const user = await tools.gitea.users.find(name);
  if (!user) return undefined;
  // Organisations answer here too; they and local accounts are nobody's of the directory, whatever teams they are in.
  const teams = user.source_id === 0 ? [] : await tools.gitea.teams.ofPerson(user.login);
  return { user, teams, recordedId: await recordedIdOf({ user, teams }, claim, tools), isByMark: false };
}

/** Their own team's, by its name; under a former GITEA_TEAM, or renamed, that of the marked one that holds nobody else. */
async function recordedIdOf(seen: Seen, claim: Claim, { gitea, settings }: Tools): Promise<string | undefined> {
  const marked = seen.teams.filter((team) => markedDirectoryId(team) !== undefined);
  const named = marked.find((team) => isSame(team.name, ownTeamName(seen.user.login, settings)));
  if (named) return markedDirectoryId(named);
  for (const team of marked) {
    if ((await gitea.teams.members(team)).length > 1) continue;
    const id = markedDirectoryId(team) ?? "";
    if (claim.ids.includes(id) && !isProven(seen, claim)) throw ambiguous(team, [seen.user.login]);
    return id;
  }
  return undefined;
}

/** Whoever sits in a team is not yet whom it was made for: it takes the person's own login, and nobody else's mark. */
function isProven({ user, teams }: Seen, { ids, logins }: Claim): boolean {
  const hasTheirLogin = logins.some((login) => isSame(login, user.login_name));
  return hasTheirLogin && !hasOthersMark(teams, ids);
}

const hasOthersMark = (teams: readonly Team[], ids: readonly string[]): boolean =>
  teams.map(markedDirectoryId).some((id) => id !== undefined && !ids.includes(id));

/**
 * The account that a directory id is written down for: the member of the marked team whom the team is named after, or, where
 * it has another name by now, its one member, if that is an account of `logins`. Of a team that holds nobody any more, because
 * the person has left it, the account whom it is named after.
 * @throws Permanent `team.ambiguous` when the team holds others only, or that account has another person's mark
 */
export async function findMarkedAccount(
  directoryId: string,
  tools: Tools,
  logins: readonly string[] = [],
): Promise<Candidate | undefined> {
  const { gitea, settings } = tools;
  const team = await gitea.teams.findByMark(personMark(directoryId));
  if (!team) return undefined;
  const members = await gitea.teams.members(team);
  // An owner may have put others into it; the team's name tells whom it was made for.
  const named = members.find((one) => isSame(ownTeamName(one, settings), team.name));
  if (named === undefined && members.length > 1) throw ambiguous(team, members);
  const login = named ?? (members.length === 0 ? accountNamedBy(team, settings) : members[0]);
  const user = login === undefined ? undefined : await gitea.users.find(login);
  if (!user) return undefined;
  const seen = { user, teams: await gitea.teams.ofPerson(user.login) };
  if (members.length === 0) {
    if (hasOthersMark(seen.teams, [directoryId])) throw ambiguous(team, [user.login]);
  } else if (named === undefined && !isProven(seen, { ids: [directoryId], logins })) throw ambiguous(team, members);
  return { ...seen, recordedId: directoryId, isByMark: true };
}

/** The account that a team has its name of; undefined where the name does not tell. */
function accountNamedBy({ name }: Team, settings: Tools["settings"]): string | undefined {
  const [before = "", after = ""] = settings.GITEA_TEAM.split("{username}");
  const account = name.slice(before.length, name.length - after.length);
  return account !== "" && isSame(ownTeamName(account, settings), name) ? account : undefined;
}

function ambiguous(team: Team, members: readonly string[]): Permanent {
  const what = `team ${team.name} is one person's own (${team.description}), but it holds ${members.join(", ")}`;
  const advice = "take out who does not belong there, or give it its person's name again, then replay";
  return new Permanent("team.ambiguous", `${what}: ${advice}`);
}

/** One human may have signed in to Gitea under another of their names before we ever met them. */
async function findByOtherLogin(identity: Identity, claim: Claim, tools: Tools): Promise<Candidate | undefined> {
  for (const login of identity.logins.filter((name) => !isSame(name, identity.username))) {
    const candidate = await findByName(ownAccountName(login, tools.settings), claim, tools);
    if (candidate && identity.logins.some((name) => isSame(name, candidate.user.login_name))) return candidate;
  }
  return undefined;
}
