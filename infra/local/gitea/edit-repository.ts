import { existsSync } from "node:fs";
import { type Context, Hono } from "hono";
import * as z from "zod";
import { readBody, text } from "./body.ts";
import { type Env, signedIn } from "./door.ts";
import { runGit } from "./git.ts";
import { repositoryOr404 } from "./lookup.ts";
import { alphaDashDot, maxSize, usableRepositoryName } from "./names.ts";
import { invalid, json, Refusal } from "./refusals.ts";
import { moveDirectory } from "./repositories.ts";
import { isAtLeast } from "./rights.ts";
import type { Account, Repository } from "./rows.ts";
import { repositoryView } from "./views.ts";
import {
  accountByName,
  forgetRedirect,
  leaveRedirect,
  now,
  repositoryByName,
  repositoryDir,
  type World,
} from "./world.ts";

const editSchema = z.object({
  name: z.string().optional(),
  description: z.string().optional(),
  website: z.string().optional(),
  private: z.boolean().optional(),
  template: z.boolean().optional(),
  archived: z.boolean().optional(),
  default_branch: z.string().optional(),
});
type EditRepository = z.infer<typeof editSchema>;

export const notRepositoryAdmin = "user should be an owner or a collaborator with admin write of a repository";

/** PATCH and transfer: what an admin collaborator may do, and what only an owner may. */
export function editRepository(world: World): Hono<Env> {
  const app = new Hono<Env>();
  const indexing = new Set<number>();

  app.patch("/repos/:owner/:repo", async (c) => {
    const doer = signedIn(c, "repository");
    const { repository, rights } = repositoryOr404(c, doer);
    if (!isAtLeast(rights.level, "admin")) throw new Refusal(403, notRepositoryAdmin);
    const form = await readBody(c, "EditRepoOption", editSchema);
    alphaDashDot("Name", form.name);
    maxSize("Name", form.name, 100);
    maxSize("Description", form.description, 2048);
    const renamed = await rename(world, repository, form.name ?? "");
    const changed = world.repositories.change(renamed.id, fieldsOf(form));
    await changeDefaultBranch(changed, form.default_branch);
    return json(c, repositoryView(world, world.repositories.get(changed.id) ?? changed, doer));
  });

  app.post("/repos/:owner/:repo/transfer", async (c) => {
    const doer = signedIn(c, "repository");
    const { repository, rights } = repositoryOr404(c, doer);
    if (rights.level !== "owner") throw new Refusal(403, "user should be the owner of the repo");
    const form = await readBody(c, "TransferRepoOption", z.object({ new_owner: text }));
    const owner = accountByName(world, form.new_owner);
    if (owner === undefined) throw new Refusal(404, "The new owner does not exist or cannot be found");
    return transferred(c, await transfer(world, repository, owner), doer);
  });

  function transferred(c: Context, repository: Repository, doer: Account): Response {
    return json(c, repositoryView(world, repository, doer), 202);
  }

  /** HEAD and row are written first; a second change soon after is refused by the indexer's queue, too late. */
  async function changeDefaultBranch(repository: Repository, branch: string | undefined): Promise<void> {
    if (branch === undefined || branch === "" || branch === repository.defaultBranch) return;
    if (!repository.isEmpty && !repository.knownBranches.includes(branch)) return;
    await runGit(repositoryDir(world, repository), ["symbolic-ref", "HEAD", `refs/heads/${branch}`]);
    world.repositories.change(repository.id, { defaultBranch: branch });
    if (repository.isEmpty) return;
    if (indexing.has(repository.id)) throw new Refusal(500, "already in queue");
    indexing.add(repository.id);
    const timer = setTimeout(() => indexing.delete(repository.id), 1000);
    timer.unref();
  }

  return app;
}

function fieldsOf(form: EditRepository): { [Field in keyof Repository]?: Repository[Field] | undefined } {
  return {
    description: form.description,
    website: form.website,
    isPrivate: form.private,
    isTemplate: form.template,
    isArchived: form.archived,
    updatedAt: now(),
  };
}

async function rename(world: World, repository: Repository, name: string): Promise<Repository> {
  if (name === "" || name === repository.name) return repository;
  usableRepositoryName(name);
  const holder = repositoryByName(world, repository.ownerId, name);
  if (holder && holder.id !== repository.id) {
    const owner = world.accounts.get(repository.ownerId);
    throw invalid(`repository already exists [uname: ${owner?.name ?? ""}, name: ${name}]`);
  }
  return moved(world, repository, { ownerId: repository.ownerId, name });
}

async function transfer(world: World, repository: Repository, owner: Account): Promise<Repository> {
  if (repositoryByName(world, owner.id, repository.name)) {
    throw invalid(`repository already exists [uname: ${owner.name}, name: ${repository.name}]`);
  }
  for (const team of world.teams.all()) {
    if (!team.repositoryIds.includes(repository.id)) continue;
    world.teams.change(team.id, { repositoryIds: team.repositoryIds.filter((id) => id !== repository.id) });
  }
  return moved(world, repository, { ownerId: owner.id, name: repository.name });
}

/** Row and directory move together; the old place leads to the new one, the new place's own redirect ends. */
async function moved(world: World, from: Repository, to: { ownerId: number; name: string }): Promise<Repository> {
  const lowerName = to.name.toLowerCase();
  const oldDir = repositoryDir(world, from);
  forgetRedirect(world, to.ownerId, to.name);
  if (from.ownerId !== to.ownerId || from.lowerName !== lowerName) leaveRedirect(world, from, from.id);
  const row = world.repositories.change(from.id, { ...to, lowerName });
  if (existsSync(oldDir)) await moveDirectory(oldDir, repositoryDir(world, row));
  return row;
}
