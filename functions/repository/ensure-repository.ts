import type { Envelope } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import { type GiteaTools, isSame, type Place, type Repository } from "#shared/gitea.ts";
import { ADMINS_TEAM, repositoryName } from "#shared/names.ts";
import type { Ensured } from "#shared/stage.ts";

type Owner = { teamId: number; username: string };
type Had = { place: Place; repository: Repository; outcome: Ensured["outcome"] };

/**
 * The person's private repository exists in the organisation, their own team has it, and they are a collaborator with
 * admin, so that they can share it. What they renamed, opened or shared is theirs and stays (MISSION row 7).
 */
export async function ensureRepository(envelope: Envelope, tools: GiteaTools): Promise<Ensured> {
  const { account, team } = envelope;
  if (!account || !team) throw new Permanent("envelope.invalid", "the repository stage needs an account and a team");
  const owner = { teamId: team.id, username: account.username };
  const place = {
    owner: tools.settings.GITEA_ORG,
    name: repositoryName(account.username, tools.settings.GITEA_REPOSITORY),
  };
  const had = await have(place, owner, tools);
  return {
    outcome: had.outcome,
    learned: {
      repository: { ...had.place, isEmpty: had.repository.empty, defaultBranch: had.repository.default_branch },
    },
    details: { account: account.username, repository: had.repository.full_name },
  };
}

async function have(place: Place, owner: Owner, tools: GiteaTools): Promise<Had> {
  const { repositories } = tools.gitea;
  const seen = await repositories.find(place, owner.username);
  if (seen.state === "found") {
    if (await repositories.isTeams(owner.teamId, place)) return await share(place, seen.repository, owner, tools);
    return await adopt(place, owner, tools);
  }
  if (seen.state === "moved") {
    const renamed = await findRenamed(seen.to, owner, tools);
    if (renamed) return await share(seen.to, renamed, owner, tools);
    // Somebody else's rename left this redirect; making the repository ends it (reference §15).
  }
  const created = await repositories.create(place, `Notebooks of ${owner.username}`);
  if (!created) return await adopt(place, owner, tools);
  await give(place, owner, tools);
  return { place, repository: created, outcome: "created" };
}

async function findRenamed(place: Place, owner: Owner, { gitea }: GiteaTools): Promise<Repository | undefined> {
  const seen = await gitea.repositories.find(place, owner.username);
  if (seen.state !== "found" || !(await gitea.repositories.isTeams(owner.teamId, place))) return undefined;
  return seen.repository;
}

/** Theirs by the proof of their team; only the right to share may be missing. */
async function share(
  place: Place,
  repository: Repository,
  owner: Owner,
  { gitea, settings }: GiteaTools,
): Promise<Had> {
  if (!settings.GITEA_SHARING || repository.permissions.admin) return { place, repository, outcome: "unchanged" };
  await gitea.repositories.addAdminCollaborator(place, owner.username);
  return { place, repository, outcome: "updated" };
}

/**
 * There, but not known to be theirs: by its team (then only rights were missing), or empty and nobody's, which is what a
 * crash between our own requests leaves behind. Everything else is somebody else's.
 */
async function adopt(place: Place, owner: Owner, tools: GiteaTools): Promise<Had> {
  const { repositories } = tools.gitea;
  const found = await repositories.find(place);
  if (found.state !== "found")
    throw new Permanent("gitea.moved", `repository ${place.owner}/${place.name} was there and is not any more: replay`);
  const isTeams = await repositories.isTeams(owner.teamId, place);
  if (!isTeams) await refuseForeign(place, found.repository, owner, tools);
  await give(place, owner, tools);
  return { place, repository: found.repository, outcome: "updated" };
}

async function refuseForeign(place: Place, repository: Repository, owner: Owner, { gitea }: GiteaTools): Promise<void> {
  const teams = (await gitea.repositories.teamNames(place)).filter(
    (name) => !isSame(name, "Owners") && !isSame(name, ADMINS_TEAM),
  );
  const people = (await gitea.repositories.collaborators(place)).filter((name) => !isSame(name, owner.username));
  const why = [
    ...(repository.empty ? [] : ["it has content"]),
    ...(teams.length > 0 ? [`team ${teams.join(", ")} has it`] : []),
    ...(people.length > 0 ? [`${people.join(", ")} has it`] : []),
  ];
  if (why.length === 0) return;
  throw new Permanent(
    "repository.taken",
    `repository ${place.owner}/${place.name} has the name of ${owner.username}'s repository but is not theirs: ${why.join("; ")}. Rename it, or give it to their team, then replay`,
  );
}

/** The team first: it is the proof of ownership that a later run looks for. */
async function give(place: Place, owner: Owner, { gitea, settings }: GiteaTools): Promise<void> {
  await gitea.repositories.giveToTeam(owner.teamId, place);
  if (settings.GITEA_SHARING) await gitea.repositories.addAdminCollaborator(place, owner.username);
}
