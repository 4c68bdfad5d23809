import { type Settings, SettingsError } from "../config.ts";

/** What fetch cannot send it repeats in its error message, secrets included. @throws SettingsError without the value */
export function checkSettings(settings: Settings<"gitea">): void {
  const problems = [
    ...(/^[!-~]*$/.test(settings.GITEA_TOKEN ?? "") ? [] : ["GITEA_TOKEN: holds a blank or another odd character"]),
    ...contradictions(settings.GROUP_TEAMS),
  ];
  if (problems.length > 0) throw new SettingsError(`wrong settings:\n  ${problems.join("\n  ")}`);
}

/** A team has one permission for all its members, whichever group they come from. */
function contradictions(groupTeams: Settings<"gitea">["GROUP_TEAMS"]): string[] {
  const levels = new Map<string, Set<string>>();
  for (const { team, permission } of Object.values(groupTeams)) {
    const name = team.toLowerCase();
    levels.set(name, (levels.get(name) ?? new Set()).add(permission));
  }
  return [...levels].flatMap(([team, permissions]) =>
    permissions.size > 1 ? [`GROUP_TEAMS: team ${team} has ${[...permissions].join(" and ")}; it can have one`] : [],
  );
}
