import { Hono } from "hono";
import { adminUsers } from "./admin-users.ts";
import { branches } from "./branches.ts";
import { collaborators } from "./collaborators.ts";
import { commits } from "./commits.ts";
import { contents } from "./contents.ts";
import { cron } from "./cron.ts";
import { apiDoor, type Env } from "./door.ts";
import { editRepository } from "./edit-repository.ts";
import { editUser } from "./edit-user.ts";
import { type Faults, faultyDoor, type LoggedRequest } from "./faults.ts";
import { files } from "./files.ts";
import { gitHttp } from "./git-http.ts";
import { health, healthz } from "./health.ts";
import { keys } from "./keys.ts";
import { lab } from "./lab.ts";
import { organisationMembers } from "./organisation-members.ts";
import { organisations } from "./organisations.ts";
import { pages } from "./pages.ts";
import { json, RawAnswer, Refusal } from "./refusals.ts";
import { repositories } from "./repositories.ts";
import { Stopped } from "./switches.ts";
import { teamMembers } from "./team-members.ts";
import { teams } from "./teams.ts";
import { tokens } from "./tokens.ts";
import { users } from "./users.ts";
import type { World } from "./world.ts";

const topics = [
  health,
  users,
  adminUsers,
  editUser,
  tokens,
  keys,
  cron,
  organisations,
  organisationMembers,
  teams,
  teamMembers,
  repositories,
  editRepository,
  collaborators,
  contents,
  files,
  commits,
  branches,
];

/** Where a real Gitea has more routes than are copied here. */
const realFamilies = /^\/api\/v1\/(?:admin|notifications|orgs|packages|repos|settings|teams|topics|user|users)\/[^/]+/;

/** All routes behind the request log and the faults. */
export function giteaApp(world: World, faults: Faults, requests: LoggedRequest[]): Hono<Env> {
  const app = new Hono<Env>();
  app.use(faultyDoor(faults, requests));
  app.use(async (c, next) => {
    c.set("world", world);
    await next();
  });
  app.get("/api/healthz", (c) => c.json(healthz()));
  app.use("/api/v1/*", apiDoor(world));
  for (const topic of topics) app.route("/api/v1", topic(world));
  app.route("/_lab", lab(world, faults, requests));
  app.route("/", gitHttp(world));
  app.route("/", pages(world));
  const routes = app.routes.map(({ method, path }) => ({ method, pattern: patternOf(path) }));

  app.notFound((c) => {
    const path = c.req.path.replace(/\/$/, "");
    const isKnown = routes.some((route) => route.method !== "ALL" && route.pattern.test(path));
    if (isKnown) return c.body(null, 405);
    if (realFamilies.test(c.req.path)) {
      // A 404 would read as "there is none", which nobody has seen a real one say.
      return json(c, { message: `the stand-in has no ${c.req.method} ${c.req.path}` }, 501);
    }
    return c.text("404 page not found\n", 404, { "content-type": "text/plain; charset=utf-8" });
  });
  app.onError((error, c) => {
    if (error instanceof RawAnswer) return error.response;
    if (error instanceof Refusal) return json(c, error.body(world.rootUrl), error.status);
    if (error instanceof Stopped) return c.body(null, 500);
    return json(c, { message: `stand-in: ${error.stack ?? error.message}` }, 500);
  });
  return app;
}

function patternOf(path: string): RegExp {
  const parts = path
    .split("/")
    .map((part) => (part.includes("{.+}") ? ".+" : part.startsWith(":") ? "[^/]+" : escaped(part)));
  return new RegExp(`^${parts.join("/")}$`);
}

function escaped(part: string): string {
  return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
