import type { Team } from "#shared/envelope.ts";
import { isAdminsTeam, isGroupTeam } from "#shared/marks.ts";
import { ADMINS_TEAM } from "#shared/names.ts";
import type { Conflict, World } from "./plan.ts";
import { teamsByName } from "./read-gitea.ts";

/**
 * Teams that the directory grants but that are somebody else's, by their name in lower case: told once a run, and nobody is
 * sent to join them, which the team stage would refuse.
 */
export function takenTeams({ directory, gitea, settings }: World): ReadonlyMap<string, Conflict> {
  const present = teamsByName(gitea.teams);
  const taken = new Map<string, Conflict>();
  const judge = (name: string, dn: string, isOurs: (team: Team) => boolean) => {
    const team = present.get(name.toLowerCase());
    if (!team || isOurs(team)) return;
    const reason = `a team ${team.name} is there and is not hubforge's (it is described as "${team.description}"): rename it`;
    taken.set(name.toLowerCase(), { code: "team.taken", dn, reason });
  };
  for (const [dn, { team }] of Object.entries(settings.GROUP_TEAMS)) judge(team, dn, isGroupTeam);
  const [admin] = directory.people.flatMap(({ dn, isAdmin }) => (isAdmin ? dn : [])).toSorted();
  if (admin !== undefined) judge(ADMINS_TEAM, admin, isAdminsTeam);
  return taken;
}
