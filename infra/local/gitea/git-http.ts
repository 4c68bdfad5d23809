import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Context, Hono } from "hono";
import { runHttpBackend } from "./cgi.ts";
import { type Asker, type Env, hasScope, identify } from "./door.ts";
import { listBranches } from "./git.ts";
import { movedPath, movedRepository, param } from "./lookup.ts";
import { pageOf500, plainText, RawAnswer, redirectTo } from "./refusals.ts";
import { isAtLeast, rightsOn } from "./rights.ts";
import type { Repository } from "./rows.ts";
import { accountByName, now, repositoryByName, repositoryDir, type World } from "./world.ts";

/** Clone, fetch and push: Gitea's own checks in front of Git's own `git http-backend`. */
export function gitHttp(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/:owner/:repo/info/refs", async (c) => {
    const service = c.req.query("service") ?? "";
    return serve(c, service === "git-receive-pack" ? "push" : "pull");
  });
  app.post("/:owner/:repo/git-upload-pack", (c) => serve(c, "pull"));
  app.post("/:owner/:repo/git-receive-pack", (c) => serve(c, "push"));

  async function serve(c: Context<Env>, intent: "pull" | "push"): Promise<Response> {
    const asker = await identify(world, c.req.header("authorization"));
    if (asker === "refused") throw plainText(401, "Failed to authenticate user\n", textHtmlSafe);
    if (asker !== null) refuseBlocked(c, asker);
    const repository = repositoryOr301(c);
    const isOpen = intent === "pull" && repository !== undefined && isPublic(repository);
    if (asker === null && !isOpen) {
      throw plainText(401, "Unauthorized\n", { ...textHtmlSafe, "www-authenticate": 'Basic realm="Gitea"' });
    }
    if (asker?.token && !hasScope(asker.token, intent === "pull" ? "read" : "write", ["repository"])) {
      throw plainText(403, "Token does not have the required scope.");
    }
    if (repository === undefined) throw missing(intent);
    const rights = rightsOn(world, repository, asker?.account ?? null);
    if (!isAtLeast(rights.code, "read")) throw plainText(404, "Repository not found");
    if (intent === "push" && repository.isArchived) {
      throw plainText(
        403,
        "This repo is archived. You can view files and clone it, but cannot push or open issues/pull-requests.",
      );
    }
    // A reader is let in as far as the server's hook, which refuses every ref.
    const mayWrite = isAtLeast(rights.code, "write");
    return backend(c, repository, { user: asker?.account.name ?? "", mayWrite });
  }

  function repositoryOr301(c: Context<Env>): Repository | undefined {
    const ownerName = param(c, "owner");
    const name = param(c, "repo").replace(/\.git$/, "");
    const owner = accountByName(world, ownerName);
    if (owner === undefined) throw plainText(404, "Not found.\n");
    const repository = repositoryByName(world, owner.id, name);
    if (repository !== undefined) return repository;
    const moved = movedRepository(world, owner, name);
    if (moved === undefined) return undefined;
    throw redirectTo(c, movedPath(c.req.url, `${ownerName}/${param(c, "repo")}`, moved), 301);
  }

  function isPublic(repository: Repository): boolean {
    return !repository.isPrivate && world.accounts.get(repository.ownerId)?.visibility === "public";
  }

  async function backend(
    c: Context<Env>,
    repository: Repository,
    doer: { user: string; mayWrite: boolean },
  ): Promise<Response> {
    const dir = repositoryDir(world, repository);
    if (!existsSync(dir)) throw new RawAnswer(pageOf500());
    const action = c.req.path.split("/").slice(3).join("/");
    const owner = world.accounts.get(repository.ownerId)?.lowerName ?? "";
    const isPush = action === "git-receive-pack";
    const before = isPush && repository.isEmpty ? (await listBranches(dir)).map((branch) => branch.name) : [];
    const environment = {
      GIT_PROJECT_ROOT: join(world.dir, "repositories"),
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: `/${owner}/${repository.lowerName}.git/${action}`,
      QUERY_STRING: new URL(c.req.url).search.slice(1),
      REQUEST_METHOD: c.req.method,
      CONTENT_TYPE: c.req.header("content-type") ?? "",
      ...optional("CONTENT_LENGTH", c.req.header("content-length")),
      ...optional("HTTP_CONTENT_ENCODING", c.req.header("content-encoding")),
      ...optional("GIT_PROTOCOL", c.req.header("git-protocol")),
      REMOTE_USER: doer.user || "anonymous",
      ...(doer.mayWrite ? {} : refusingHooks()),
    };
    const { response, ended } = runHttpBackend(environment, c.env.incoming);
    if (isPush) void ended.then(() => pushed(repository.id, before)).catch(() => undefined);
    return response;
  }

  /** The branch table follows at once; `empty` by the queue, a moment later, and only for a branch that is new. */
  async function pushed(repositoryId: number, before: readonly string[]): Promise<void> {
    const row = world.repositories.get(repositoryId);
    if (row === undefined) return;
    const branches = (await listBranches(repositoryDir(world, row))).map((branch) => branch.name);
    const current = world.repositories.get(repositoryId) ?? row;
    world.repositories.change(current.id, { knownBranches: branches, updatedAt: now() });
    const delay = world.switches.emptyAfterPushMilliseconds;
    const isNew = branches.some((branch) => !before.includes(branch));
    if (!current.isEmpty || !isNew || delay === null) return;
    const settle = () => settlePush(world, repositoryId, branches);
    const timer = setTimeout(() => {
      world.queued.delete(timer);
      settle();
    }, delay);
    world.queued.set(timer, settle);
  }

  return app;
}

/** What the queue does after a push into an empty repository. */
function settlePush(world: World, repositoryId: number, branches: readonly string[]): void {
  const row = world.repositories.get(repositoryId);
  if (row === undefined || !row.isEmpty) return;
  const defaultBranch = branches.includes(row.defaultBranch) ? row.defaultBranch : (branches[0] ?? row.defaultBranch);
  world.repositories.change(row.id, { isEmpty: false, defaultBranch });
}

function missing(intent: "pull" | "push"): RawAnswer {
  if (intent === "pull") return plainText(404, "Repository not found");
  return plainText(403, "Push to create is not enabled for organizations.");
}

const textHtmlSafe = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };

/** Blocked people get a web page with 200, people who must change their password are sent to a form. */
function refuseBlocked(c: Context, { account }: Asker): void {
  if (!account.isActive || account.isLoginProhibited) {
    throw plainText(
      200,
      "<!DOCTYPE html><title>Sign-in prohibited</title><p>Your account is prohibited from signing in.\n",
      {
        "content-type": "text/html; charset=utf-8",
      },
    );
  }
  if (account.mustChangePassword) throw redirectTo(c, "/user/settings/change_password", 303);
}

function refusingHooks(): Record<string, string> {
  const hooks = join(import.meta.dirname, "refusing-hooks");
  return { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "core.hooksPath", GIT_CONFIG_VALUE_0: hooks };
}

function optional(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value };
}
