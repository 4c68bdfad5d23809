import type { Envelope, Identity, Team } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import { type Gitea, type GiteaTools, isSame } from "#shared/gitea.ts";
import { ensureManagedTeam } from "#shared/managed-team.ts";
import { groupMark, isGroupTeam } from "#shared/marks.ts";
import { ADMINS_TEAM } from "#shared/names.ts";
import { grantedTeams } from "./granted-teams.ts";

const ADMINS_DESCRIPTION =
  "Managed by hubforge. Admins of the platform: access to every repository of this organisation.";

/** The person is in every group team that one of their groups grants, and in the admins team if they are an admin. */
export async function joinTeams(
  account: NonNullable<Envelope["account"]>,
  identity: Identity,
  tools: GiteaTools,
): Promise<boolean> {
  const { gitea, settings } = tools;
  let hasChanged = false;
  for (const { name, level, group } of grantedTeams(identity.groups, settings)) {
    const known = account.teams.find((team) => isSame(team.name, name));
    const team = known ?? (await ensureManagedTeam(gitea, { name, description: groupMark(group), level }));
    if (!isGroupTeam(team)) {
      throw new Permanent(
        "team.taken",
        `GROUP_TEAMS names team ${name}, but a team of that name exists and is not hubforge's (its description says "${team.description}")`,
      );
    }
    if (team.level !== level) await gitea.teams.change(team, { level });
    if (!known) await gitea.teams.addMember(team, account.username);
    hasChanged ||= !known || team.level !== level;
  }
  return (await joinAdmins(account, identity, gitea)) || hasChanged;
}

async function joinAdmins(
  account: NonNullable<Envelope["account"]>,
  identity: Identity,
  gitea: Gitea,
): Promise<boolean> {
  if (!identity.isAdmin || account.teams.some((team) => isSame(team.name, ADMINS_TEAM))) return false;
  const admins: Team = await ensureManagedTeam(gitea, {
    name: ADMINS_TEAM,
    description: ADMINS_DESCRIPTION,
    level: "admin",
  });
  await gitea.teams.addMember(admins, account.username);
  return true;
}
