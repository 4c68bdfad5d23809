import type { Settings } from "./config.ts";
import { teamName } from "./names.ts";

/** The name of the own team of the person whose Gitea account is `account`; never a configured group's. */
export function ownTeamName(account: string, settings: Pick<Settings<"gitea">, "GITEA_TEAM" | "GROUP_TEAMS">): string {
  const reserved = Object.values(settings.GROUP_TEAMS).map(({ team }) => team);
  return teamName(account, settings.GITEA_TEAM, reserved);
}
