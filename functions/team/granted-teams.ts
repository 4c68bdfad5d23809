import type { Settings } from "#shared/config.ts";
import { normalDn } from "#shared/directory/dn.ts";
import type { Group } from "#shared/envelope.ts";
import type { Level } from "#shared/gitea.ts";

type Granted = { name: string; level: Level; group: Group };

const RANK: Record<Level, number> = { read: 0, write: 1, admin: 2 };

/** The union of what the groups grant, one entry per team with the highest level, so that two groups never fight over it. */
export function grantedTeams(groups: readonly Group[], settings: Pick<Settings<"gitea">, "GROUP_TEAMS">): Granted[] {
  const granted = new Map<string, Granted>();
  for (const [dn, { team: name, permission: level }] of Object.entries(settings.GROUP_TEAMS)) {
    const group = groups.find((candidate) => normalDn(candidate.dn) === normalDn(dn));
    const before = granted.get(name.toLowerCase());
    if (group && (!before || RANK[level] > RANK[before.level])) granted.set(name.toLowerCase(), { name, level, group });
  }
  return [...granted.values()];
}
