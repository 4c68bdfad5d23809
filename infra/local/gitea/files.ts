import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Context, Hono } from "hono";
import { doerWith, type Env } from "./door.ts";
import { gitOutput, listBranches, listTree, resolveCommit, runGit, type TreeEntry } from "./git.ts";
import { type Found, param, repositoryOr404 } from "./lookup.ts";
import { maxItems } from "./paging.ts";
import { json, notFound, pageOf500, RawAnswer, Refusal } from "./refusals.ts";
import { repositoryDir, type World } from "./world.ts";

export const unsigned = {
  verified: false,
  reason: "gpg.error.not_signed_commit",
  signature: "",
  signer: null,
  payload: "",
};

/** Larger files are described without their content (`default_max_blob_size`). */
const maxBlobBytes = 10_485_760;

/** Reading files and trees over the API. What is empty is decided by the row, as in Gitea, not by the disk. */
export function files(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/repos/:owner/:repo/contents", (c) => readPath(c, ""));
  app.get("/repos/:owner/:repo/contents/:path{.+}", (c) => readPath(c, param(c, "path")));

  async function readPath(c: Context<Env>, path: string): Promise<Response> {
    const found = repositoryOr404(c, doerWith(c, "repository"));
    const ref = c.req.query("ref") || found.repository.defaultBranch;
    const dir = repositoryDir(world, found.repository);
    const commit = await resolveCommit(dir, ref);
    if (!existsSync(dir)) throw notFound("not found", ["no such file or directory"]);
    if (found.repository.isEmpty) {
      if (commit !== undefined && path !== "") throw new RawAnswer(pageOf500());
      throw notFound("not found", [`object does not exist [id: ${found.repository.defaultBranch}, rel_path: ]`]);
    }
    if (commit === undefined) throw notFound("not found", [`object does not exist [id: ${ref}, rel_path: ]`]);
    const entry = path === "" ? undefined : (await listTree(dir, commit, { path }))[0];
    if (path !== "" && entry === undefined) {
      throw notFound("GetContentsOrList", [`object does not exist [id: , rel_path: ${path}]`]);
    }
    if (entry?.type === "blob") return json(c, await fileView(world, found, { ref, commit, path }));
    const children = await listTree(dir, entry === undefined ? commit : entry.sha);
    const prefix = path === "" ? "" : `${path}/`;
    return json(
      c,
      children.map((child) => described(world, found, { ref, commit, entry: { ...child, path: prefix + child.path } })),
    );
  }

  app.get("/repos/:owner/:repo/raw/:path{.+}", async (c) => {
    const found = repositoryOr404(c, doerWith(c, "repository"));
    if (found.repository.isEmpty) throw notFound("repository is empty");
    const dir = repositoryDir(world, found.repository);
    const commit = await resolveCommit(dir, c.req.query("ref") || found.repository.defaultBranch);
    if (commit === undefined) throw notFound();
    const { code, stdout } = await runGit(dir, ["cat-file", "blob", `${commit}:${param(c, "path")}`]);
    if (code !== 0) throw notFound();
    return c.body(new Uint8Array(stdout), 200, { "content-type": "text/plain; charset=utf-8" });
  });

  app.get("/repos/:owner/:repo/git/trees/:sha", async (c) => {
    const found = repositoryOr404(c, doerWith(c, "repository"));
    const dir = repositoryDir(world, found.repository);
    const ref = param(c, "sha");
    if (!existsSync(dir)) throw new Refusal(500, "no such file or directory");
    const commit = await resolveCommit(dir, ref);
    if (commit === undefined) throw new Refusal(400, `sha not found [${ref}]`);
    const isRecursive = /^(true|1)$/.test(c.req.query("recursive") ?? "");
    const entries = await listTree(dir, commit, { depth: isRecursive ? "with folders" : "one" });
    const api = `${world.rootUrl}/api/v1/repos/${found.fullName}/git`;
    const view = (entry: TreeEntry) => ({
      path: entry.path,
      mode: entry.mode,
      type: entry.type,
      size: entry.size,
      sha: entry.sha,
      url: `${api}/${entry.type === "tree" ? "trees" : "blobs"}/${entry.sha}`,
    });
    c.header("X-Total-Count", String(entries.length));
    const counts = { truncated: false, page: 1, total_count: entries.length };
    return json(c, { sha: commit, url: `${api}/trees/${commit}`, tree: entries.map(view), ...counts });
  });

  app.get("/repos/:owner/:repo/git/blobs/:sha", async (c) => {
    const found = repositoryOr404(c, doerWith(c, "repository"));
    const dir = repositoryDir(world, found.repository);
    const sha = param(c, "sha");
    const { code, stdout } = await runGit(dir, ["cat-file", "blob", sha]);
    if (code !== 0) throw new Refusal(400, `object does not exist [id: ${sha}, rel_path: ]`);
    const content = stdout.length <= maxBlobBytes ? stdout.toString("base64") : null;
    const url = `${world.rootUrl}/api/v1/repos/${found.fullName}/git/blobs/${sha}`;
    return json(c, { content, encoding: content === null ? null : "base64", url, sha, size: stdout.length });
  });

  app.get("/repos/:owner/:repo/git/refs", async (c) => {
    const found = repositoryOr404(c, doerWith(c, "repository"));
    const dir = repositoryDir(world, found.repository);
    if (!existsSync(dir)) throw new Refusal(500, "no such file or directory");
    if (!existsSync(join(dir, "HEAD"))) throw new Refusal(500, "fatal: not a git repository");
    const branches = await listBranches(dir);
    if (branches.length === 0) throw notFound();
    const api = `${world.rootUrl}/api/v1/repos/${found.fullName}/git`;
    return json(
      c,
      branches.slice(0, maxItems).map(({ name, sha }) => ({
        ref: `refs/heads/${name}`,
        url: `${api}/refs/heads/${name}`,
        object: { type: "commit", sha, url: `${api}/commits/${sha}` },
      })),
    );
  });

  return app;
}

/** One file with its content and the last commit that touched it. */
export async function fileView(
  world: World,
  found: Found,
  at: { ref: string; commit: string; path: string },
): Promise<object | null> {
  const dir = repositoryDir(world, found.repository);
  const entry = (await listTree(dir, at.commit, { path: at.path }))[0];
  if (entry === undefined) return null;
  const lastTouched = await gitOutput(dir, [
    "log",
    "-1",
    "--format=%H %cI %aI",
    at.commit,
    "--",
    `:(literal)${at.path}`,
  ]);
  const [sha = "", committed = "", authored = ""] = lastTouched.toString("utf8").trim().split(" ");
  const isSmall = entry.size <= maxBlobBytes;
  const content = isSmall ? (await gitOutput(dir, ["cat-file", "blob", entry.sha])).toString("base64") : null;
  return {
    ...described(world, found, { ref: at.ref, commit: sha, entry }),
    last_committer_date: utc(committed),
    last_author_date: utc(authored),
    encoding: isSmall ? "base64" : null,
    content,
  };
}

export function utc(date: string): string {
  return date.replace(/\+00:00$/, "Z");
}

function described(world: World, found: Found, at: { ref: string; commit: string; entry: TreeEntry }): object {
  const { entry, ref } = at;
  const isFile = entry.type === "blob";
  const path = entry.path.split("/").map(encodeURIComponent).join("/");
  const web = `${world.rootUrl}/${found.fullName}`;
  const api = `${world.rootUrl}/api/v1/repos/${found.fullName}`;
  const self = `${api}/contents/${path}?ref=${ref}`;
  const object = `${api}/git/${isFile ? "blobs" : "trees"}/${entry.sha}`;
  const html = `${web}/src/branch/${ref}/${path}`;
  return {
    name: entry.path.split("/").at(-1),
    path: entry.path,
    sha: entry.sha,
    last_commit_sha: at.commit,
    type: isFile ? "file" : "dir",
    size: entry.size,
    encoding: null,
    content: null,
    target: null,
    url: self,
    html_url: html,
    git_url: object,
    download_url: isFile ? `${web}/raw/branch/${ref}/${path}` : null,
    submodule_git_url: null,
    _links: { self, git: object, html },
  };
}
