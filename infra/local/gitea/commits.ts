import { existsSync } from "node:fs";
import { join } from "node:path";
import { Hono } from "hono";
import { changesOf, listedView, readCommits } from "./commit-view.ts";
import { doerWith, type Env } from "./door.ts";
import { unsigned } from "./files.ts";
import { gitOutput, resolveCommit } from "./git.ts";
import { param, repositoryOr404 } from "./lookup.ts";
import { paged } from "./paging.ts";
import { json, notFound, Refusal } from "./refusals.ts";
import type { Account } from "./rows.ts";
import { accountView, repositoryView } from "./views.ts";
import { repositoryDir, type World } from "./world.ts";

/** Commits and the activity feed. `/git/commits/{ref}` alone tells the truth of the disk. */
export function commits(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/repos/:owner/:repo/commits", async (c) => {
    const doer = doerWith(c, "repository");
    const found = repositoryOr404(c, doer);
    if (found.repository.isEmpty) throw new Refusal(409, "Git Repository is empty.");
    const dir = repositoryDir(world, found.repository);
    const head = await resolveCommit(dir, c.req.query("sha") || found.repository.defaultBranch);
    if (head === undefined) throw notFound();
    const all = (await gitOutput(dir, ["rev-list", head])).toString("utf8").trim().split("\n");
    const wanted = paged(c, all, { family: "always", link: world.rootUrl });
    const read = wanted.length === 0 ? [] : await readCommits(dir, ["--no-walk=unsorted", ...wanted]);
    const verification = c.req.query("verification") === "false" ? null : unsigned;
    const views: object[] = [];
    for (const commit of read) {
      const changes = await changesOf(dir, commit, { files: c.req.query("files"), stat: c.req.query("stat") });
      views.push({ ...listedView(world, found, commit, verification), ...changes });
    }
    return json(c, views);
  });

  app.get("/repos/:owner/:repo/git/commits/:sha", async (c) => {
    const doer = doerWith(c, "repository");
    const found = repositoryOr404(c, doer);
    const dir = repositoryDir(world, found.repository);
    const ref = param(c, "sha");
    if (!existsSync(dir)) throw new Refusal(500, "no such file or directory");
    if (!existsSync(join(dir, "HEAD"))) throw new Refusal(500, "EOF");
    const sha = await resolveCommit(dir, ref);
    if (sha === undefined) throw notFound(`commit doesn't exist: ${ref}`);
    const [commit] = await readCommits(dir, ["-1", sha]);
    if (commit === undefined) throw notFound();
    const changes = await changesOf(dir, commit, { files: c.req.query("files"), stat: c.req.query("stat") });
    return json(c, { ...listedView(world, found, commit, unsigned), ...changes });
  });

  app.get("/repos/:owner/:repo/activities/feeds", (c) => {
    const doer = doerWith(c, "repository");
    const { repository } = repositoryOr404(c, doer);
    const found = world.activities
      .all()
      .filter((row) => row.repositoryId === repository.id)
      .reverse();
    const rows = paged(c, found, { family: "always" });
    const view = (row: (typeof rows)[number]) => ({
      id: row.id,
      user_id: row.actorId,
      op_type: row.operation,
      act_user_id: row.actorId,
      act_user: actorView(world, row.actorId, doer),
      repo_id: row.repositoryId,
      repo: repositoryView(world, repository, doer),
      comment_id: 0,
      ref_name: row.ref,
      is_private: repository.isPrivate,
      content: row.content,
      created: row.createdAt,
    });
    return json(c, rows.map(view));
  });

  return app;
}

function actorView(world: World, id: number, doer: Account | null): object | null {
  const account = world.accounts.get(id);
  return account === undefined ? null : accountView(world, account, doer);
}
