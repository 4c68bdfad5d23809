import { type Context, Hono } from "hono";
import { type Env, signedIn } from "./door.ts";
import { namedAccount, param, teamOr404, teamRepositoryOr404 } from "./lookup.ts";
import { paged } from "./paging.ts";
import { json, noContent, notFound, Refusal } from "./refusals.ts";
import { isAtLeast, rightsOn, teamHas } from "./rights.ts";
import type { Account, Repository, Team } from "./rows.ts";
import { teamMemberOrAdmin, teamOwnerOrAdmin } from "./teams.ts";
import { accountView, repositoryView } from "./views.ts";
import type { World } from "./world.ts";

/** Who and what belongs to a team. Every PUT and DELETE here is idempotent, in any case of the name. */
export function teamMembers(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/teams/:team/members", (c) => {
    const doer = signedIn(c, "organization");
    const team = teamOr404(c);
    teamMemberOrAdmin(world, team, doer);
    const rows = paged(c, sortedMembers(world, team.memberIds), { family: "when asked" });
    return json(
      c,
      rows.map((row) => accountView(world, row, doer)),
    );
  });

  app.get("/teams/:team/members/:name", (c) => {
    const doer = signedIn(c, "organization");
    const team = teamOr404(c);
    teamMemberOrAdmin(world, team, doer);
    const person = namedAccount(world, param(c, "name"));
    if (!team.memberIds.includes(person.id)) throw notFound();
    return json(c, accountView(world, person, doer));
  });

  app.put("/teams/:team/members/:name", (c) => {
    const doer = signedIn(c, "organization");
    const team = teamOr404(c);
    teamOwnerOrAdmin(world, team, doer);
    const person = namedAccount(world, param(c, "name"));
    if (!team.memberIds.includes(person.id)) {
      world.teams.change(team.id, { memberIds: [...team.memberIds, person.id] });
    }
    return noContent(c);
  });

  app.delete("/teams/:team/members/:name", (c) => {
    const doer = signedIn(c, "organization");
    const team = teamOr404(c);
    teamOwnerOrAdmin(world, team, doer);
    leaveTeam(world, team, namedAccount(world, param(c, "name")).id);
    return noContent(c);
  });

  app.get("/teams/:team/repos", (c) => {
    const doer = signedIn(c, "organization");
    const team = teamOr404(c);
    teamMemberOrAdmin(world, team, doer);
    const found = world.repositories.all().filter((row) => teamHas(team, row));
    const rows = paged(c, found, { family: "always" });
    return json(
      c,
      rows.map((row) => repositoryView(world, row, doer)),
    );
  });

  app.get("/teams/:team/repos/:owner/:repo", (c) => {
    const doer = signedIn(c, "organization");
    const team = teamOr404(c);
    teamMemberOrAdmin(world, team, doer);
    const repository = teamRepositoryOr404(c, team);
    if (!teamHas(team, repository)) throw notFound();
    return json(c, repositoryView(world, repository, doer));
  });

  app.put("/teams/:team/repos/:owner/:repo", (c) => {
    const doer = signedIn(c, "organization");
    const team = teamOr404(c);
    teamMemberOrAdmin(world, team, doer);
    const repository = adminRepository(c, team, doer);
    if (!team.repositoryIds.includes(repository.id)) {
      world.teams.change(team.id, { repositoryIds: [...team.repositoryIds, repository.id] });
    }
    return noContent(c);
  });

  app.delete("/teams/:team/repos/:owner/:repo", (c) => {
    const doer = signedIn(c, "organization");
    const team = teamOr404(c);
    teamMemberOrAdmin(world, team, doer);
    const repository = adminRepository(c, team, doer);
    world.teams.change(team.id, { repositoryIds: team.repositoryIds.filter((id) => id !== repository.id) });
    return noContent(c);
  });

  function adminRepository(c: Context<Env>, team: Team, doer: Account): Repository {
    const repository = teamRepositoryOr404(c, team);
    if (isAtLeast(rightsOn(world, repository, doer).level, "admin")) return repository;
    throw new Refusal(403, "Must have admin-level access to the repository");
  }

  return app;
}

/** Takes somebody out of a team; harmless for a stranger, refused for the last owner. */
export function leaveTeam(world: World, team: Team, accountId: number): void {
  if (!team.memberIds.includes(accountId)) return;
  if (team.level === "owner" && team.memberIds.length === 1) {
    throw new Refusal(500, `user is the last member of owner team [uid: ${accountId}]`);
  }
  world.teams.change(team.id, { memberIds: team.memberIds.filter((id) => id !== accountId) });
}

/** Gitea lists members by full name, then by name. */
export function sortedMembers(world: World, ids: readonly number[]): Account[] {
  const key = (account: Account) => `${account.fullName}\0${account.name}`;
  return ids.flatMap((id) => world.accounts.get(id) ?? []).sort((one, other) => (key(one) < key(other) ? -1 : 1));
}
