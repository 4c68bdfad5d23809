import type { Envelope, Identity, Team } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import { type GiteaTools, isSame } from "#shared/gitea.ts";
import { ensureManagedTeam } from "#shared/managed-team.ts";
import { groupMark, isAdminsTeam, isGroupTeam } from "#shared/marks.ts";
import { ADMINS_TEAM } from "#shared/names.ts";
import { type Granted, grantedTeams } from "./granted-teams.ts";

type Account = NonNullable<Envelope["account"]>;

const ADMINS = {
  name: ADMINS_TEAM,
  description: "Managed by hubforge. Admins of the platform: access to every repository of this organisation.",
  rights: { level: "admin", hasAllRepositories: true },
} as const;

/**
 * The person is in every group team that one of their groups grants, and in the admins team if they are an admin.
 * @returns whether anything was written.
 * @throws Permanent `team.taken` when a group's team is somebody else's
 */
export async function joinTeams(account: Account, identity: Identity, tools: GiteaTools): Promise<boolean> {
  let hasChanged = false;
  for (const granted of grantedTeams(identity.groups, tools.settings)) {
    hasChanged = (await joinGroupTeam(granted, account, tools)) || hasChanged;
  }
  return (identity.isAdmin && (await joinAdmins(account, tools))) || hasChanged;
}

async function joinGroupTeam(
  { name, level, group }: Granted,
  account: Account,
  { gitea }: GiteaTools,
): Promise<boolean> {
  const rights = { level, hasAllRepositories: false };
  const joined = memberOf(account, name);
  const team = joined ?? (await ensureManagedTeam(gitea, { name, description: groupMark(group), rights }));
  if (!isGroupTeam(team)) {
    const what = `GROUP_TEAMS names team ${name}, but a team of that name is there and is not hubforge's`;
    throw new Permanent("team.taken", `${what} (it is described as "${team.description}")`);
  }
  if (team.level !== level) await gitea.teams.change(team, { rights });
  if (!joined) await gitea.teams.addMember(team, account.username);
  return !joined || team.level !== level;
}

async function joinAdmins(account: Account, { gitea }: GiteaTools): Promise<boolean> {
  const joined = account.teams.find(isAdminsTeam);
  const admins = joined ?? (await ensureManagedTeam(gitea, ADMINS));
  if (admins.level !== "admin") await gitea.teams.change(admins, { rights: ADMINS.rights });
  if (!joined) await gitea.teams.addMember(admins, account.username);
  return !joined || admins.level !== "admin";
}

function memberOf(account: Account, name: string): Team | undefined {
  return account.teams.find((team) => isSame(team.name, name));
}
