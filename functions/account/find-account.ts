import type { Identity, Team } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import { type Gitea, isSame, type User } from "#shared/gitea.ts";
import { markedDirectoryId, personMark } from "#shared/marks.ts";
import { accountName } from "#shared/names.ts";

/** An account that may be the person's; `isByMark` when their own team says so. */
export type Candidate = { user: User; teams: Team[]; isByMark: boolean };

/**
 * By name first, because that is where nearly everybody is; then by the mark of the directory id, which finds the account
 * of a person whose uid has changed; then under their other logins.
 * @param formerId the id that a rebuilt directory had given them before, accepted like the new one.
 */
export async function findAccount(
  identity: Identity,
  formerId: string | undefined,
  tools: { gitea: Gitea },
): Promise<Candidate | undefined> {
  const byName = await findByName(accountName(identity.username), tools);
  const ids = [identity.directoryId, ...(formerId ? [formerId] : [])];
  if (byName?.teams.some((team) => ids.includes(markedDirectoryId(team) ?? ""))) return { ...byName, isByMark: true };

  for (const id of ids) {
    const byMark = await findMarkedAccount(id, tools);
    if (byMark) return byMark;
  }
  return byName ?? (await findByOtherLogin(identity, tools));
}

async function findByName(name: string, { gitea }: { gitea: Gitea }): Promise<Candidate | undefined> {
  const user = await gitea.users.find(name);
  if (!user) return undefined;
  // An organisation answers here too and has no teams of its own to read under Sudo.
  const teams = user.source_id === 0 ? [] : await gitea.teams.ofPerson(user.login);
  return { user, teams, isByMark: false };
}

/** The account that a directory id is written down for, as the one member of the team that carries its mark. */
export async function findMarkedAccount(
  directoryId: string,
  { gitea }: { gitea: Gitea },
): Promise<Candidate | undefined> {
  const team = await gitea.teams.findByMark(personMark(directoryId));
  if (!team) return undefined;
  const members = await gitea.teams.members(team);
  // An owner may have put others into it; the team's name tells whom it was made for.
  const login = members.length === 1 ? members[0] : members.find((member) => isSame(member, team.name));
  if (login === undefined && members.length === 0) return undefined;
  if (login === undefined) {
    throw new Permanent(
      "team.ambiguous",
      `team ${team.name} is one person's own, but holds ${members.join(", ")}: take the others out, then replay`,
    );
  }
  const user = await gitea.users.find(login);
  return user ? { user, teams: await gitea.teams.ofPerson(user.login), isByMark: true } : undefined;
}

/** One human may have signed in to Gitea under another of their names before we ever met them (CASES F1). */
async function findByOtherLogin(identity: Identity, tools: { gitea: Gitea }): Promise<Candidate | undefined> {
  for (const login of identity.logins.filter((name) => !isSame(name, identity.username))) {
    const candidate = await findByName(accountName(login), tools);
    if (candidate && identity.logins.some((name) => isSame(name, candidate.user.login_name))) return candidate;
  }
  return undefined;
}
