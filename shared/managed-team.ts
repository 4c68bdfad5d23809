import type { Team } from "./envelope.ts";
import { Permanent } from "./errors.ts";
import type { Rights } from "./gitea/team-rights.ts";
import type { Gitea } from "./gitea.ts";
import { isManaged } from "./marks.ts";

type Wanted = { name: string; description: string; rights: Rights };

/**
 * A team shared by many people exists. Several messages may make it at once, and Gitea has no unique index on team names:
 * after making one it is looked up again, and of a pair everybody uses the one with the lowest id (rule 15 of gitea/README.md).
 * @throws Permanent `team.taken` for a team of that name that hubforge did not make: joining would share its rights
 */
export async function ensureManagedTeam(gitea: Gitea, { name, description, rights }: Wanted): Promise<Team> {
  const existing = await gitea.teams.findByName(name);
  if (existing) return refuseTaken(existing);
  await gitea.teams.create(name, description, rights);
  const made = await gitea.teams.findByName(name);
  if (!made) throw new Permanent("team.refused", `Gitea refuses to make a team named "${name}"`);
  return refuseTaken(made);
}

function refuseTaken(team: Team): Team {
  if (isManaged(team)) return team;
  const what = `hubforge keeps a team ${team.name}, but the one of that name is not hubforge's`;
  const advice = "rename it, then replay";
  throw new Permanent("team.taken", `${what} (it is described as "${team.description}"): ${advice}`);
}
