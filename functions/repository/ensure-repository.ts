import type { Envelope } from "#shared/envelope.ts";
import { Permanent, Retryable } from "#shared/errors.ts";
import type { GiteaTools, Place, Repository } from "#shared/gitea.ts";
import { repositoryName } from "#shared/names.ts";
import type { Ensured } from "#shared/stage.ts";
import { refuseForeign } from "./refuse-foreign.ts";

type Owner = { teamId: number; username: string };
type Had = { place: Place; repository: Repository; outcome: Ensured["outcome"] };

/**
 * The person's private repository exists in the organisation, their own team has it, and they are a collaborator with
 * admin, so that they can share it. What they renamed, opened or shared is theirs and stays.
 * @throws Permanent `repository.taken` when a repository of that name is somebody else's
 */
export async function ensureRepository(envelope: Envelope, tools: GiteaTools): Promise<Ensured> {
  const { account, team } = envelope;
  if (!account || !team) throw new Permanent("envelope.invalid", "the repository stage needs an account and a team");
  const owner = { teamId: team.id, username: account.username };
  const { GITEA_ORG, GITEA_REPOSITORY } = tools.settings;
  const place = { owner: GITEA_ORG, name: repositoryName(account.username, GITEA_REPOSITORY) };
  const had = await have(place, owner, tools);
  const { empty: isEmpty, default_branch: defaultBranch, full_name: repository } = had.repository;
  return {
    outcome: had.outcome,
    learned: { repository: { ...had.place, isEmpty, defaultBranch } },
    details: { account: account.username, repository },
  };
}

async function have(place: Place, owner: Owner, tools: GiteaTools): Promise<Had> {
  const { repositories } = tools.gitea;
  const seen = await repositories.find(place, owner.username);
  if (seen.state === "found") {
    const isTheirs = await repositories.ofTeam(owner.teamId, place);
    return isTheirs
      ? await share(place, seen.repository, owner, tools)
      : await adopt(place, seen.repository, owner, tools);
  }
  if (seen.state === "moved") {
    const renamed = await findRenamed(seen.to, owner, tools);
    if (renamed) return await share(seen.to, renamed, owner, tools);
    // Somebody else's rename left this redirect; making the repository ends it (shared/gitea/README.md §4).
  }
  const created = await repositories.create(place, `Notebooks of ${owner.username}`);
  if (!created) return await adoptHidden(place, owner, tools);
  await give(place, owner, tools);
  return { place, repository: created, outcome: "created" };
}

/** A redirect leads straight to the last name: a second one means that it was renamed between our two questions. */
async function findRenamed(place: Place, owner: Owner, { gitea }: GiteaTools): Promise<Repository | undefined> {
  const seen = await gitea.repositories.find(place, owner.username);
  if (seen.state === "moved") throw inMotion(place);
  if (seen.state === "absent" || !(await gitea.repositories.ofTeam(owner.teamId, place))) return undefined;
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

/** The name is in use, though they may not see it: half-made by ourselves, or somebody else's. */
async function adoptHidden(place: Place, owner: Owner, tools: GiteaTools): Promise<Had> {
  const found = await tools.gitea.repositories.find(place);
  if (found.state !== "found") throw inMotion(place);
  if (!(await tools.gitea.repositories.ofTeam(owner.teamId, place))) {
    return await adopt(place, found.repository, owner, tools);
  }
  await give(place, owner, tools);
  return { place, repository: found.repository, outcome: "updated" };
}

/** Nobody's and empty is what a crash between our own requests leaves behind. */
async function adopt(place: Place, repository: Repository, owner: Owner, tools: GiteaTools): Promise<Had> {
  await refuseForeign(place, repository, owner.username, tools);
  await give(place, owner, tools);
  return { place, repository, outcome: "updated" };
}

/** The team first: it is the proof of ownership that a later run looks for. */
async function give(place: Place, owner: Owner, { gitea, settings }: GiteaTools): Promise<void> {
  await gitea.repositories.giveToTeam(owner.teamId, place);
  if (settings.GITEA_SHARING) await gitea.repositories.addAdminCollaborator(place, owner.username);
}

function inMotion({ owner, name }: Place): Retryable {
  return new Retryable("repository.in-motion", `repository ${owner}/${name} is just being renamed or made`);
}
