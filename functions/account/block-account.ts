import type { RouteName } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import { type GiteaTools, isSame } from "#shared/gitea.ts";
import { ensureManagedTeam } from "#shared/managed-team.ts";
import { LEAVERS_TEAM } from "#shared/names.ts";
import type { Candidate } from "./find-account.ts";

const LEAVERS_DESCRIPTION =
  "Managed by hubforge. People who left the directory: hubforge blocked them and unblocks them when they return.";

/**
 * A leaver may not sign in. The note in `leavers` is written first: whoever is blocked without it is an admin's manual
 * ban, which is never lifted. Site admins are never blocked.
 * @returns whether anything was written.
 */
export async function block({ user, teams }: Candidate, { gitea, settings }: GiteaTools): Promise<boolean> {
  if (user.is_admin || user.prohibit_login) return false;
  if (!teams.some((team) => isSame(team.name, LEAVERS_TEAM))) {
    const leavers = await ensureManagedTeam(gitea, {
      name: LEAVERS_TEAM,
      description: LEAVERS_DESCRIPTION,
      level: "read",
    });
    await gitea.teams.addMember(leavers, user.login);
  }
  await gitea.users.change(user.login, {
    login_name: user.login_name,
    source_id: settings.GITEA_AUTH_SOURCE_ID,
    prohibit_login: true,
  });
  return true;
}

/**
 * Who is back may sign in again, if it was hubforge that blocked them. Unblocked first, taken from `leavers` after, so that
 * a crash between the two strands nobody.
 * @returns whether anything was written.
 * @throws Permanent `account.blocked` on a spawn of somebody whom an admin blocked.
 */
export async function unblock(
  { user, teams }: Candidate,
  route: RouteName,
  { gitea, settings }: GiteaTools,
): Promise<boolean> {
  const leavers = teams.find((team) => isSame(team.name, LEAVERS_TEAM));
  if (!leavers) {
    if (route === "spawn" && (user.prohibit_login || !user.active)) {
      const how = user.prohibit_login ? "is blocked from signing in" : "is not active";
      throw new Permanent(
        "account.blocked",
        `account ${user.login} ${how}, and not by hubforge: a Gitea admin decides, then replay`,
      );
    }
    return false;
  }
  if (user.prohibit_login) {
    await gitea.users.change(user.login, {
      login_name: user.login_name,
      source_id: settings.GITEA_AUTH_SOURCE_ID,
      prohibit_login: false,
    });
  }
  await gitea.teams.removeMember(leavers, user.login);
  return true;
}
