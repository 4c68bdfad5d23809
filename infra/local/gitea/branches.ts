import { Hono } from "hono";
import { type Commit, readCommits } from "./commit-view.ts";
import { doerWith, type Env } from "./door.ts";
import { unsigned } from "./files.ts";
import { listBranches, resolveCommit } from "./git.ts";
import { type Found, param, repositoryOr404 } from "./lookup.ts";
import { paged } from "./paging.ts";
import { json, notFound } from "./refusals.ts";
import { isAtLeast } from "./rights.ts";
import { accountByMail, repositoryDir, type World } from "./world.ts";

/** Branches as the branch table knows them. */
export function branches(world: World): Hono<Env> {
  const app = new Hono<Env>();

  /** Reading the list also writes the branch table anew, which cures state E. */
  app.get("/repos/:owner/:repo/branches", async (c) => {
    const found = repositoryOr404(c, doerWith(c, "repository"));
    if (found.repository.isEmpty) {
      c.header("X-Total-Count", "0");
      return json(c, null);
    }
    const dir = repositoryDir(world, found.repository);
    const onDisk = await listBranches(dir);
    world.repositories.change(found.repository.id, { knownBranches: onDisk.map((branch) => branch.name) });
    const rows = paged(c, onDisk, { family: "always", link: world.rootUrl });
    return json(c, await Promise.all(rows.map((branch) => branchView(world, found, dir, branch))));
  });

  app.get("/repos/:owner/:repo/branches/:branch{.+}", async (c) => {
    const found = repositoryOr404(c, doerWith(c, "repository"));
    const name = param(c, "branch");
    const dir = repositoryDir(world, found.repository);
    const isKnown = !found.repository.isEmpty && found.repository.knownBranches.includes(name);
    const sha = isKnown ? await resolveCommit(dir, `refs/heads/${name}`) : undefined;
    if (sha === undefined) throw notFound();
    return json(c, await branchView(world, found, dir, { name, sha }));
  });

  return app;
}

async function branchView(
  world: World,
  found: Found,
  dir: string,
  branch: { name: string; sha: string },
): Promise<object> {
  const [commit] = await readCommits(dir, ["-1", branch.sha]);
  const person = (who: Commit["author"]) => ({
    name: who.name,
    email: who.email,
    username: accountByMail(world, who.email)?.name ?? "",
  });
  const mayPush = isAtLeast(found.rights.code, "write");
  return {
    name: branch.name,
    commit: commit && {
      id: commit.sha,
      message: commit.message,
      url: `${world.rootUrl}/${found.fullName}/commit/${commit.sha}`,
      author: person(commit.author),
      committer: person(commit.committer),
      verification: unsigned,
      timestamp: commit.committer.date,
      added: null,
      removed: null,
      modified: null,
    },
    protected: false,
    required_approvals: 0,
    enable_status_check: false,
    status_check_contexts: [],
    user_can_push: mayPush,
    user_can_merge: mayPush,
    effective_branch_protection_name: "",
  };
}
