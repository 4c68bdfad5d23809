import { Permanent } from "#shared/errors.ts";
import { type GiteaTools, isSame, type Place, type Repository } from "#shared/gitea.ts";
import { isAdminsTeam } from "#shared/marks.ts";

/**
 * A repository of the person's name that their own team does not have is theirs only as long as nothing speaks against it.
 * @throws Permanent `repository.taken` for one with content, another team or another person
 */
export async function refuseForeign(
  place: Place,
  repository: Repository,
  username: string,
  { gitea }: GiteaTools,
): Promise<void> {
  const teams = (await gitea.repositories.teams(place))
    .filter((team) => !isSame(team.name, "Owners") && !isAdminsTeam(team))
    .map(({ name }) => name);
  const people = (await gitea.repositories.collaborators(place)).filter((name) => !isSame(name, username));
  const why = [
    ...(repository.empty ? [] : ["it has content"]),
    ...(teams.length > 0 ? [`team ${teams.join(", ")} has it`] : []),
    ...(people.length > 0 ? [`${people.join(", ")} may use it`] : []),
  ];
  if (why.length === 0) return;
  const what = `repository ${place.owner}/${place.name} has the name of ${username}'s repository but is not theirs`;
  throw new Permanent(
    "repository.taken",
    `${what}: ${why.join("; ")}. Rename it, or give it to their team, then replay`,
  );
}
