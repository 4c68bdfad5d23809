import type { RouteName } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import type { GiteaTools, User } from "#shared/gitea.ts";
import { ensureManagedTeam } from "#shared/managed-team.ts";
import { isLeaversTeam } from "#shared/marks.ts";
import { LEAVERS_TEAM } from "#shared/names.ts";
import type { Candidate } from "./find-account.ts";

const LEAVERS = {
  name: LEAVERS_TEAM,
  description: "Managed by hubforge. People who left the directory: hubforge blocked them and unblocks who returns.",
  rights: { level: "read", hasAllRepositories: false },
} as const;

/**
 * A leaver may not sign in. The note in `leavers` is written first: whoever is blocked without it is an admin's manual
 * ban, which is never lifted. Site admins are never blocked.
 * @returns whether anything was written.
 */
export async function block({ user, teams }: Candidate, tools: GiteaTools): Promise<boolean> {
  if (user.is_admin || user.prohibit_login) return false;
  const { gitea } = tools;
  if (!teams.some(isLeaversTeam)) {
    await gitea.teams.addMember(await ensureManagedTeam(gitea, LEAVERS), user.login);
  }
  await prohibit(user, true, tools);
  return true;
}

/**
 * Who is back may sign in again, if it was hubforge that blocked them. Unblocked first, taken from `leavers` after, so that
 * a crash between the two strands nobody. Site admins are never changed.
 * @returns whether anything was written.
 * @throws Permanent `account.blocked` on a spawn of somebody whom an admin blocked.
 */
export async function unblock({ user, teams }: Candidate, route: RouteName, tools: GiteaTools): Promise<boolean> {
  const leavers = user.is_admin ? undefined : teams.find(isLeaversTeam);
  const isBlocked = user.prohibit_login && !leavers;
  if (route === "spawn" && (isBlocked || !user.active)) {
    const how = isBlocked ? "is blocked from signing in" : "is not active";
    throw new Permanent(
      "account.blocked",
      `account ${user.login} ${how}, and not by hubforge: a Gitea admin decides, then replay`,
    );
  }
  if (!leavers) return false;
  if (user.prohibit_login) await prohibit(user, false, tools);
  await tools.gitea.teams.removeMember(leavers, user.login);
  return true;
}

async function prohibit(user: User, isProhibited: boolean, { gitea, settings }: GiteaTools): Promise<void> {
  await gitea.users.change(user.login, {
    login_name: user.login_name,
    source_id: settings.GITEA_AUTH_SOURCE_ID,
    prohibit_login: isProhibited,
  });
}
