import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type Context, Hono } from "hono";
import * as z from "zod";
import { flag, readBody, text } from "./body.ts";
import { doerWith, type Env, signedIn, siteAdmin } from "./door.ts";
import { gitOutput } from "./git.ts";
import { accountOr404, organisationOr404, param, repositoryOr404 } from "./lookup.ts";
import { alphaDashDot, maxSize, required, usableRepositoryName } from "./names.ts";
import { paged } from "./paging.ts";
import { json, noContent, Refusal } from "./refusals.ts";
import { isOrganisationOwner, rightsOn } from "./rights.ts";
import type { Account, Repository } from "./rows.ts";
import { checkpoint } from "./switches.ts";
import { repositoryView } from "./views.ts";
import { directoryFor, forgetRedirect, now, repositoryByName, repositoryDir, teamsOf, type World } from "./world.ts";
import { writeFiles } from "./write-files.ts";

const createSchema = z.object({
  name: text,
  description: text,
  private: flag,
  auto_init: flag,
  template: flag,
  readme: text,
  default_branch: text,
});
type CreateRepository = z.infer<typeof createSchema>;

/** Repositories as rows and directories; changing one is in `edit-repository.ts`. */
export function repositories(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.post("/orgs/:org/repos", async (c) => {
    const doer = signedIn(c, "organization", "repository");
    const form = await readForm(c);
    const organisation = organisationOr404(c);
    const mayCreate =
      isOrganisationOwner(world, organisation.id, doer.id) ||
      teamsOf(world, organisation.id).some((team) => team.canCreateRepositories && team.memberIds.includes(doer.id));
    if (!doer.isAdmin && !mayCreate) {
      throw new Refusal(403, "Given user is not allowed to create repository in organization.");
    }
    return created(c, await create(world, organisation, form, doer), doer);
  });

  app.post("/admin/users/:name/repos", async (c) => {
    const doer = siteAdmin(c);
    const owner = accountOr404(c, param(c, "name"));
    return created(c, await create(world, owner, await readForm(c), doer), doer);
  });

  app.post("/user/repos", async (c) => {
    const doer = signedIn(c, "user", "repository");
    const form = await readForm(c);
    if (doer.repositoryQuota >= 0 && !doer.isAdmin) {
      const owned = world.repositories.all().filter((row) => row.ownerId === doer.id).length;
      if (owned >= doer.repositoryQuota) throw new Refusal(500, "");
    }
    return created(c, await create(world, doer, form, doer), doer);
  });

  app.get("/repos/search", (c) => {
    const doer = doerWith(c, "repository");
    const wanted = (c.req.query("q") ?? "").toLowerCase();
    const found = world.repositories
      .all()
      .filter((row) => row.lowerName.includes(wanted) && rightsOn(world, row, doer).canSee);
    const rows = paged(c, found, { family: "always" });
    return json(c, { ok: true, data: rows.map((row) => repositoryView(world, row, doer)) });
  });

  app.get("/repos/:owner/:repo", (c) => {
    const doer = doerWith(c, "repository");
    return json(c, repositoryView(world, repositoryOr404(c, doer).repository, doer));
  });

  app.delete("/repos/:owner/:repo", async (c) => {
    const doer = signedIn(c, "repository");
    const { repository, rights } = repositoryOr404(c, doer);
    if (rights.level !== "owner") throw new Refusal(403, "user should be the owner of the repo");
    const dir = repositoryDir(world, repository);
    world.repositories.remove(repository.id);
    for (const row of world.redirects.all())
      if (row.ownerId !== 0 && row.targetId === repository.id) world.redirects.remove(row.id);
    for (const team of teamsOf(world, repository.ownerId)) {
      world.teams.change(team.id, { repositoryIds: team.repositoryIds.filter((id) => id !== repository.id) });
    }
    await rm(dir, { recursive: true, force: true });
    return noContent(c);
  });

  function created(c: Context, repository: Repository, doer: Account): Response {
    return json(c, repositoryView(world, repository, doer), 201);
  }

  return app;
}

async function readForm(c: Context): Promise<CreateRepository> {
  const form = await readBody(c, "CreateRepoOption", createSchema);
  required("Name", form.name);
  alphaDashDot("Name", form.name);
  maxSize("Name", form.name, 100);
  maxSize("Description", form.description, 2048);
  return form;
}

/** Row, directory, HEAD: the order in which a killed Gitea leaves its traces. A left-over directory is cleared by the refusal. */
async function create(world: World, owner: Account, form: CreateRepository, doer: Account): Promise<Repository> {
  usableRepositoryName(form.name);
  if (repositoryByName(world, owner.id, form.name)) {
    throw new Refusal(409, "The repository with the same name already exists.");
  }
  const dir = directoryFor(world, owner.lowerName, form.name.toLowerCase());
  if (existsSync(dir)) {
    await rm(dir, { recursive: true, force: true });
    throw new Refusal(500, `repository files already exist [uname: ${owner.name}, name: ${form.name}]`);
  }
  forgetRedirect(world, owner.id, form.name);
  const repository = world.repositories.insert({
    ownerId: owner.id,
    name: form.name,
    lowerName: form.name.toLowerCase(),
    description: form.description,
    website: "",
    isPrivate: form.private,
    isArchived: false,
    isTemplate: form.template,
    isEmpty: true,
    knownBranches: [],
    defaultBranch: form.default_branch || "main",
    collaborators: {},
    createdAt: now(),
    updatedAt: now(),
  });
  world.activities.insert({
    repositoryId: repository.id,
    actorId: doer.id,
    operation: "create_repo",
    ref: "",
    content: "",
    createdAt: now(),
  });
  checkpoint(world, "repository.row");
  await makeDirectory(world, dir, repository.defaultBranch);
  return form.auto_init ? firstCommit(world, repository, doer) : (world.repositories.get(repository.id) ?? repository);
}

async function makeDirectory(world: World, dir: string, branch: string): Promise<void> {
  await mkdir(dirname(dir), { recursive: true });
  await gitOutput(dir, ["init", "--bare", "--quiet", "--template=", "--initial-branch=master", dir]);
  checkpoint(world, "repository.directory");
  await gitOutput(dir, ["symbolic-ref", "HEAD", `refs/heads/${branch}`]);
  checkpoint(world, "repository.head");
}

async function firstCommit(world: World, repository: Repository, doer: Account): Promise<Repository> {
  const content = Buffer.from(`# ${repository.name}\n\n${repository.description}`).toString("base64");
  await writeFiles(world, repository, doer, {
    message: "Initial commit",
    files: [{ operation: "create", path: "README.md", content, sha: "", from_path: "" }],
  });
  return world.repositories.get(repository.id) ?? repository;
}

/** Moves a repository's directory to where its row now says it is. */
export async function moveDirectory(from: string, to: string): Promise<void> {
  if (from === to || !existsSync(from)) return;
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to);
}
