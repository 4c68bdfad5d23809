import type { Settings } from "#shared/config.ts";
import { normalDn } from "#shared/directory/dn.ts";
import type { Group } from "#shared/envelope.ts";
import type { Level } from "#shared/gitea.ts";

export type Granted = { name: string; level: Level; group: Group };

/** What the groups grant together: one entry a team, so that two groups never fight over its mark. */
export function grantedTeams(groups: readonly Group[], settings: Pick<Settings<"gitea">, "GROUP_TEAMS">): Granted[] {
  const granted = new Map<string, Granted>();
  for (const [dn, { team: name, permission: level }] of Object.entries(settings.GROUP_TEAMS)) {
    const group = groups.find((candidate) => normalDn(candidate.dn) === normalDn(dn));
    if (group && !granted.has(name.toLowerCase())) granted.set(name.toLowerCase(), { name, level, group });
  }
  return [...granted.values()];
}
