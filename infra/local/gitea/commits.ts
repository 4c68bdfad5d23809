import { existsSync } from "node:fs";
import { join } from "node:path";
import { Hono } from "hono";
import { doerWith, type Env } from "./door.ts";
import { unsigned, utc } from "./files.ts";
import { gitOutput, listBranches, resolveCommit } from "./git.ts";
import { type Found, param, repositoryOr404 } from "./lookup.ts";
import { paged } from "./paging.ts";
import { json, notFound, Refusal } from "./refusals.ts";
import { isAtLeast } from "./rights.ts";
import type { Account } from "./rows.ts";
import { accountView, repositoryView } from "./views.ts";
import { accountByMail, repositoryDir, type World } from "./world.ts";

interface Commit {
  sha: string;
  tree: string;
  parents: string[];
  author: { name: string; email: string; date: string };
  committer: { name: string; email: string; date: string };
  message: string;
}

const format = ["%H", "%T", "%P", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%B"].join("%x00");

async function readCommits(dir: string, args: readonly string[]): Promise<Commit[]> {
  const output = await gitOutput(dir, ["log", "-z", `--format=${format}%x00`, ...args]);
  const fields = output.toString("utf8").split("\0");
  const commits: Commit[] = [];
  for (let at = 0; at + 10 <= fields.length; at += 11) {
    const [sha = "", tree = "", parents = "", an = "", ae = "", ad = "", cn = "", ce = "", cd = "", message = ""] =
      fields.slice(at, at + 10);
    commits.push({
      sha,
      tree,
      parents: parents === "" ? [] : parents.split(" "),
      author: { name: an, email: ae, date: utc(ad) },
      committer: { name: cn, email: ce, date: utc(cd) },
      message,
    });
  }
  return commits;
}

/** Commits, branches and the activity feed. `/git/commits/{ref}` alone tells the truth of the disk. */
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
      views.push({ ...listedView(found, commit, doer, verification), ...changes });
    }
    return json(c, views);
  });

  app.get("/repos/:owner/:repo/git/commits/:sha", async (c) => {
    const doer = doerWith(c, "repository");
    const found = repositoryOr404(c, doer);
    const dir = repositoryDir(world, found.repository);
    const ref = param(c, "sha");
    if (!existsSync(join(dir, "HEAD"))) throw new Refusal(500, "no such file or directory");
    const sha = await resolveCommit(dir, ref);
    if (sha === undefined) throw notFound(`commit doesn't exist: ${ref}`);
    const [commit] = await readCommits(dir, ["-1", sha]);
    if (commit === undefined) throw notFound();
    const changes = await changesOf(dir, commit, { files: c.req.query("files"), stat: c.req.query("stat") });
    return json(c, { ...listedView(found, commit, doer, unsigned), ...changes });
  });

  /** Reading the list also writes the branch table anew, which cures state E. */
  app.get("/repos/:owner/:repo/branches", async (c) => {
    const found = repositoryOr404(c, doerWith(c, "repository"));
    if (found.repository.isEmpty) {
      c.header("X-Total-Count", "0");
      return json(c, null);
    }
    const dir = repositoryDir(world, found.repository);
    const branches = await listBranches(dir);
    world.repositories.put({ ...found.repository, knownBranches: branches.map((branch) => branch.name) });
    const rows = paged(c, branches, { family: "always", link: world.rootUrl });
    return json(c, await Promise.all(rows.map((branch) => branchView(found, dir, branch))));
  });

  app.get("/repos/:owner/:repo/branches/:branch{.+}", async (c) => {
    const found = repositoryOr404(c, doerWith(c, "repository"));
    const name = param(c, "branch");
    const dir = repositoryDir(world, found.repository);
    const sha = found.repository.isEmpty ? undefined : await resolveCommit(dir, `refs/heads/${name}`);
    if (sha === undefined) throw notFound();
    return json(c, await branchView(found, dir, { name, sha }));
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
      act_user: actorView(world.accounts.get(row.actorId), doer),
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

  function actorView(account: Account | undefined, doer: Account | null): object | null {
    return account === undefined ? null : accountView(world, account, doer);
  }

  /** In lists `tree.sha` is the commit's own SHA, and people are shown without admin rights, by their mail. */
  function listedView(found: Found, commit: Commit, _doer: Account | null, verification: object | null): object {
    const api = `${world.rootUrl}/api/v1/repos/${found.fullName}/git`;
    const person = (mail: string) => actorView(accountByMail(world, mail), null);
    return {
      url: `${api}/commits/${commit.sha}`,
      sha: commit.sha,
      created: commit.committer.date,
      html_url: `${world.rootUrl}/${found.fullName}/commit/${commit.sha}`,
      commit: {
        url: `${api}/commits/${commit.sha}`,
        author: commit.author,
        committer: commit.committer,
        message: commit.message,
        tree: { url: `${api}/trees/${commit.sha}`, sha: commit.sha, created: commit.committer.date },
        verification,
      },
      author: person(commit.author.email),
      committer: person(commit.committer.email),
      parents: commit.parents.map((sha) => ({ url: `${api}/commits/${sha}`, sha, created: "0001-01-01T00:00:00Z" })),
    };
  }

  async function branchView(found: Found, dir: string, branch: { name: string; sha: string }): Promise<object> {
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

  return app;
}

/** The commit as the contents call answers it: here `tree.sha` is the tree. */
export async function commitView(world: World, found: Found, dir: string, sha: string): Promise<object> {
  const [commit] = await readCommits(dir, ["-1", sha]);
  if (commit === undefined) throw new Error(`the commit ${sha} that was just written is not there`);
  const api = `${world.rootUrl}/api/v1/repos/${found.fullName}/git`;
  const created = "0001-01-01T00:00:00Z";
  return {
    url: `${api}/commits/${sha}`,
    sha,
    created,
    html_url: `${world.rootUrl}/${found.fullName}/commit/${sha}`,
    author: commit.author,
    committer: commit.committer,
    parents: commit.parents.map((parent) => ({ url: `${api}/commits/${parent}`, sha: parent, created })),
    message: commit.message,
    tree: { url: `${api}/trees/${commit.tree}`, sha: commit.tree, created },
  };
}

async function changesOf(
  dir: string,
  commit: Commit,
  asked: { files: string | undefined; stat: string | undefined },
): Promise<object> {
  const tree = ["diff-tree", "--root", "--no-commit-id", "-r", "--no-renames", "-z"];
  const changes: { files: object[] | null; stats: object | null } = { files: null, stats: null };
  if (asked.files !== "false") {
    const fields = (await gitOutput(dir, [...tree, "--name-status", commit.sha])).toString("utf8").split("\0");
    const words: Record<string, string> = { A: "added", D: "removed", M: "modified" };
    const files: object[] = [];
    changes.files = files;
    for (let at = 0; at + 1 < fields.length; at += 2) {
      files.push({ filename: fields[at + 1], status: words[fields[at] ?? ""] ?? "modified" });
    }
  }
  if (asked.stat !== "false") {
    const lines = (await gitOutput(dir, [...tree, "--numstat", commit.sha])).toString("utf8").split("\0");
    const sum = (column: number) =>
      lines.reduce((total, line) => total + (Number(line.split("\t")[column] ?? 0) || 0), 0);
    changes.stats = { total: sum(0) + sum(1), additions: sum(0), deletions: sum(1) };
  }
  return changes;
}
