import { spawn } from "node:child_process";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { type Context, Hono } from "hono";
import { type Asker, type Env, hasScope, identify } from "./door.ts";
import { gitEnvironment, listBranches } from "./git.ts";
import { movedPath, movedRepository, param } from "./lookup.ts";
import { plainText, redirectTo } from "./refusals.ts";
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
    if (repository === undefined) throw plainText(404, "Repository not found");
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
    const response = await backend(c, repository, { user: asker?.account.name ?? "", mayWrite });
    return response;
  }

  function repositoryOr301(c: Context<Env>): Repository | undefined {
    const ownerName = param(c, "owner");
    const name = param(c, "repo").replace(/\.git$/, "");
    const owner = accountByName(world, ownerName);
    if (owner === undefined) throw plainText(404, "Repository not found");
    const repository = repositoryByName(world, owner.id, name);
    if (repository !== undefined) return repository;
    const moved = movedRepository(world, owner, name);
    if (moved === undefined) return undefined;
    throw redirectTo(c, movedPath(c.req.url, `${ownerName}/${param(c, "repo")}`, moved), 301);
  }

  function isPublic(repository: Repository): boolean {
    return !repository.isPrivate && world.accounts.get(repository.ownerId)?.visibility === "public";
  }

  function backend(
    c: Context<Env>,
    repository: Repository,
    doer: { user: string; mayWrite: boolean },
  ): Promise<Response> {
    const action = c.req.path.split("/").slice(3).join("/");
    const owner = world.accounts.get(repository.ownerId)?.lowerName ?? "";
    const isPush = action === "git-receive-pack";
    const child = spawn("git", ["http-backend"], {
      env: {
        ...gitEnvironment(),
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
      },
      stdio: ["pipe", "pipe", "ignore"],
    });
    child.stdin.on("error", () => undefined);
    feed(c.env.incoming, child.stdin);
    if (isPush) child.on("close", () => void pushed(repository.id).catch(() => undefined));
    return cgiResponse(child.stdout);
  }

  /** The branch table follows at once; `empty` by the queue, a moment later. */
  async function pushed(repositoryId: number): Promise<void> {
    const row = world.repositories.get(repositoryId);
    if (row === undefined) return;
    const branches = (await listBranches(repositoryDir(world, row))).map((branch) => branch.name);
    const current = world.repositories.get(repositoryId) ?? row;
    world.repositories.put({ ...current, knownBranches: branches, updatedAt: now() });
    const delay = world.switches.emptyAfterPushMilliseconds;
    if (!current.isEmpty || branches.length === 0 || delay === null) return;
    const timer = setTimeout(() => {
      world.pending.delete(timer);
      settlePush(world, repositoryId, branches);
    }, delay);
    world.pending.add(timer);
  }

  return app;
}

/** What the queue does after a push into an empty repository. */
function settlePush(world: World, repositoryId: number, branches: readonly string[]): void {
  const row = world.repositories.get(repositoryId);
  if (row === undefined || !row.isEmpty) return;
  const defaultBranch = branches.includes(row.defaultBranch) ? row.defaultBranch : (branches[0] ?? row.defaultBranch);
  world.repositories.put({ ...row, isEmpty: false, defaultBranch });
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

function feed(incoming: IncomingMessage, into: NodeJS.WritableStream): void {
  if (incoming.method === "POST") incoming.pipe(into);
  else into.end();
}

/** Reads the CGI headers, then streams the rest through. */
function cgiResponse(stdout: Readable): Promise<Response> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    const onEnd = () => reject(new Error("git http-backend ended without an answer"));
    const onData = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      stdout.off("data", onData);
      stdout.off("end", onEnd);
      stdout.pause();
      if (head.length > end + 4) stdout.unshift(head.subarray(end + 4));
      const headers = new Headers();
      let status = 200;
      for (const line of head.subarray(0, end).toString("latin1").split("\r\n")) {
        const colon = line.indexOf(":");
        const value = line.slice(colon + 1).trim();
        if (line.slice(0, colon).toLowerCase() === "status") status = Number(value.slice(0, 3));
        else headers.append(line.slice(0, colon), value);
      }
      resolve(new Response(webStream(stdout), { status, headers }));
    };
    stdout.on("data", onData);
    stdout.on("end", onEnd);
    stdout.on("error", reject);
  });
}

function webStream(stdout: Readable): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      stdout.on("data", (chunk: Buffer) => {
        controller.enqueue(new Uint8Array(chunk));
        if ((controller.desiredSize ?? 1) <= 0) stdout.pause();
      });
      stdout.on("end", () => controller.close());
      stdout.on("error", (error) => controller.error(error));
    },
    pull() {
      stdout.resume();
    },
    cancel() {
      stdout.destroy();
    },
  });
}
