import { Permanent } from "#shared/errors.ts";
import type { Gitea, Place, Repository } from "#shared/gitea.ts";
import { nameOf, type Work } from "./work.ts";

/**
 * The repository as it is now, at its new place if the person has renamed it: only what their own team has is theirs.
 * @throws Permanent `repository.gone`
 */
export async function findTheirs(
  work: Pick<Work, "place" | "teamId">,
  { gitea }: { gitea: Gitea },
): Promise<{ place: Place; repository: Repository }> {
  const { place, teamId } = work;
  const here = await gitea.repositories.ofTeam(teamId, place);
  if (here) return { place, repository: here };
  const seen = await gitea.repositories.find(place);
  const there = seen.state === "moved" ? await gitea.repositories.ofTeam(teamId, seen.to) : undefined;
  if (seen.state === "moved" && there) return { place: seen.to, repository: there };
  throw new Permanent("repository.gone", `repository ${nameOf(work)} is not the person's any more: replay`);
}
