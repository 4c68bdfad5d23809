import type { Context } from "hono";
import type { Env } from "./door.ts";
import { notFound, plainText, Refusal, redirectTo } from "./refusals.ts";
import { type Rights, rightsOn } from "./rights.ts";
import type { Account, Repository, Team } from "./rows.ts";
import { accountByName, organisationByName, redirectTarget, repositoryByName, type World } from "./world.ts";

/** Loaders that find what a path names, or throw what Gitea answers: 404 in its several shapes, 301 and 307. */

export function param(c: Context, name: string): string {
  return c.req.param(name) ?? "";
}

/** `/users/{name}` and `/admin/users/{name}`; an organisation's name is as good. */
export function accountOr404(c: Context<Env>, name: string): Account {
  const world = c.get("world");
  return (
    accountByName(world, name) ??
    redirectedOr(c, name, () => new Refusal(404, `user redirect does not exist [name: ${name}]`))
  );
}

/** Whom a membership speaks of: without redirects. */
export function namedAccount(world: World, name: string): Account {
  const account = accountByName(world, name);
  if (account === undefined) throw notFound("GetUserByName", [`user does not exist [uid: 0, name: ${name}]`]);
  return account;
}

export function organisationOr404(c: Context<Env>, name = param(c, "org")): Account {
  const world = c.get("world");
  return (
    organisationByName(world, name) ??
    redirectedOr(c, name, () => notFound("GetOrgByName", [`user redirect does not exist [name: ${name}]`]))
  );
}

function redirectedOr(c: Context<Env>, name: string, refusal: () => Refusal): never {
  const world = c.get("world");
  const target = redirectTarget(world, 0, name);
  const account = target === undefined ? undefined : world.accounts.get(target);
  if (account === undefined) throw refusal();
  if (account.visibility !== "public" && c.get("asker") === null) throw plainText(404, "user does not exist\n");
  const { pathname, search } = new URL(c.req.url);
  throw redirectTo(c, pathname.replace(encodeURIComponent(name), encodeURIComponent(account.name)) + search, 307);
}

export function teamOr404(c: Context<Env>): Team {
  const team = c.get("world").teams.get(Number(param(c, "team")));
  if (team === undefined) throw notFound();
  return team;
}

export interface Found {
  owner: Account;
  repository: Repository;
  rights: Rights;
  fullName: string;
}

/** `/repos/{owner}/{repo}`: what exists and the doer may see; a former name answers 301 before any right is asked. */
export function repositoryOr404(c: Context<Env>, doer: Account | null): Found {
  const world = c.get("world");
  const ownerName = param(c, "owner");
  const name = param(c, "repo");
  const owner =
    accountByName(world, ownerName) ??
    redirectedOr(c, ownerName, () => notFound("GetUserByName", [`user redirect does not exist [name: ${ownerName}]`]));
  const repository = repositoryByName(world, owner.id, name);
  if (repository === undefined) {
    const moved = movedRepository(world, owner, name);
    if (moved === undefined) throw notFound();
    throw redirectTo(c, movedPath(c.req.url, `${ownerName}/${name}`, moved), 301);
  }
  const rights = rightsOn(world, repository, doer);
  if (!rights.canSee) throw notFound();
  return { owner, repository, rights, fullName: `${owner.name}/${repository.name}` };
}

/** The full name that a renamed or transferred repository has now. */
export function movedRepository(world: World, owner: Account, name: string): string | undefined {
  const target = redirectTarget(world, owner.id, name);
  const repository = target === undefined ? undefined : world.repositories.get(target);
  const newOwner = repository && world.accounts.get(repository.ownerId);
  return repository && newOwner && `${newOwner.name}/${repository.name}`;
}

export function movedPath(url: string, from: string, to: string): string {
  const { pathname, search } = new URL(url);
  return pathname.replace(from, to) + search;
}

/** A team's repository is looked up among its organisation's, whatever owner the path names, and without redirects. */
export function teamRepositoryOr404(c: Context<Env>, team: Team): Repository {
  const repository = repositoryByName(c.get("world"), team.organisationId, param(c, "repo"));
  if (repository === undefined) throw notFound();
  return repository;
}
