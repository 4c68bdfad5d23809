import type { Envelope, Identity } from "#shared/envelope.ts";
import { type GiteaTools, isSame } from "#shared/gitea.ts";
import { isCommonTeam } from "#shared/marks.ts";
import { ADMINS_TEAM } from "#shared/names.ts";
import { grantedTeams } from "./granted-teams.ts";

/**
 * The person is out of the teams that the sync's plan names, but only where the directory as just read agrees, and only of
 * teams that hubforge keeps: what people arrange in other teams is theirs. A leaver leaves all of these; who is there, or
 * back, none that GROUP_TEAMS does not name any more. Site admins leave nothing: what becomes of them an admin decides.
 */
export async function leaveTeams(
  leave: readonly string[],
  account: NonNullable<Envelope["account"]>,
  identity: Identity | undefined,
  { gitea, settings }: GiteaTools,
): Promise<boolean> {
  if (account.isSiteAdmin) return false;
  const configured = Object.values(settings.GROUP_TEAMS).map(({ team }) => team);
  const isKept = (name: string) =>
    identity !== undefined && ![...configured, ADMINS_TEAM].some((one) => isSame(one, name));
  const granted = identity ? grantedTeams(identity.groups, settings).map(({ name }) => name) : [];
  const kept = identity?.isAdmin ? [...granted, ADMINS_TEAM] : granted;
  const left = account.teams.filter(
    (team) =>
      leave.some((name) => isSame(name, team.name)) &&
      !kept.some((name) => isSame(name, team.name)) &&
      !isKept(team.name) &&
      isCommonTeam(team),
  );
  for (const team of left) await gitea.teams.removeMember(team, account.username);
  return left.length > 0;
}
