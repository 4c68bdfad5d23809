import { type Account, type Level, levels, type Repository, type Team } from "./rows.ts";
import { teamsOf, type World } from "./world.ts";

/** What a doer may do with one repository. `level` is the whole repository's, `code` that of pulling and pushing. */
export interface Rights {
  level: Level;
  code: Level;
  canSee: boolean;
}

export function isAtLeast(level: Level, wanted: Level): boolean {
  return levels.indexOf(level) >= levels.indexOf(wanted);
}

function higher(one: Level, other: Level): Level {
  return isAtLeast(one, other) ? one : other;
}

export function isOrganisationMember(world: World, organisationId: number, accountId: number): boolean {
  return teamsOf(world, organisationId).some((team) => team.memberIds.includes(accountId));
}

export function isOrganisationOwner(world: World, organisationId: number, accountId: number): boolean {
  return teamsOf(world, organisationId).some((team) => team.level === "owner" && team.memberIds.includes(accountId));
}

/** Private owners are seen by their members and by site admins only, limited ones by everybody who is signed in. */
export function isVisibleTo(world: World, owner: Account, doer: Account | null): boolean {
  if (doer === null) return owner.visibility === "public";
  if (doer.isAdmin || doer.id === owner.id || owner.visibility === "public") return true;
  if (owner.visibility === "limited") return !doer.isRestricted;
  return isOrganisationMember(world, owner.id, doer.id);
}

export function teamHas(team: Team, repository: Repository): boolean {
  return (
    team.organisationId === repository.ownerId &&
    (team.includesAllRepositories || team.repositoryIds.includes(repository.id))
  );
}

/** Gitea's `GetUserRepoPermission`: owners, admin teams, collaborators, units of teams, and what is public. */
export function rightsOn(world: World, repository: Repository, doer: Account | null): Rights {
  const owner = world.accounts.get(repository.ownerId);
  if (owner === undefined) return flat("none");
  const shared: Level = (doer && repository.collaborators[String(doer.id)]) ?? "none";
  if (doer === null && repository.isPrivate) return flat("none");
  if (!isVisibleTo(world, owner, doer) && shared === "none") return flat("none");
  if (doer === null) return flat("read");
  if (doer.isAdmin || doer.id === owner.id) return flat("owner");
  const open: Level = !repository.isPrivate && !doer.isRestricted ? "read" : "none";
  const level = higher(shared, open);
  const teams = teamsOf(world, owner.id).filter(
    (team) => team.memberIds.includes(doer.id) && teamHas(team, repository),
  );
  if (teams.some((team) => isAtLeast(team.level, "admin"))) return flat("owner");
  let code = level;
  let canSee = level !== "none";
  for (const team of teams) {
    code = higher(code, team.units["repo.code"] ?? "none");
    canSee ||= Object.values(team.units).some((unit) => unit !== "none");
  }
  return { level, code, canSee };
}

function flat(level: Level): Rights {
  return { level, code: level, canSee: level !== "none" };
}
