import { Hono } from "hono";
import * as z from "zod";
import { readBody } from "./body.ts";
import { doerWith, type Env, signedIn } from "./door.ts";
import { notRepositoryAdmin } from "./edit-repository.ts";
import { type Found, param, repositoryOr404 } from "./lookup.ts";
import { paged } from "./paging.ts";
import { invalid, json, noContent, notFound, Refusal } from "./refusals.ts";
import { isAtLeast, rightsOn, teamHas } from "./rights.ts";
import type { Account, Level } from "./rows.ts";
import { accountView, teamView } from "./views.ts";
import { accountByName, teamsOf, type World } from "./world.ts";

const levelNames: Record<string, Level> = { read: "read", write: "write", admin: "admin" };

/** Who has a repository besides its owner: collaborators and teams. */
export function collaborators(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/repos/:owner/:repo/collaborators", (c) => {
    const doer = signedIn(c, "repository");
    const { repository } = repositoryOr404(c, doer);
    const people = Object.keys(repository.collaborators).flatMap((id) => world.accounts.get(Number(id)) ?? []);
    const rows = paged(c, people, { family: "always" });
    return json(
      c,
      rows.map((row) => accountView(world, row, doer)),
    );
  });

  app.get("/repos/:owner/:repo/collaborators/:name", (c) => {
    const doer = signedIn(c, "repository");
    const { repository } = repositoryOr404(c, doer);
    const person = personNamed(param(c, "name"));
    if (repository.collaborators[String(person.id)] === undefined) throw notFound();
    return noContent(c);
  });

  app.get("/repos/:owner/:repo/collaborators/:name/permission", (c) => {
    const doer = signedIn(c, "repository");
    const found = repositoryOr404(c, doer);
    const name = param(c, "name");
    if (!doer.isAdmin && doer.lowerName !== name.toLowerCase() && !isAtLeast(found.rights.level, "admin")) {
      throw new Refusal(
        403,
        "Only admins can query all permissions, repo admins can query all repo permissions, collaborators can query only their own",
      );
    }
    const person = accountByName(world, name);
    if (person === undefined) throw new Refusal(404, `user does not exist [uid: 0, name: ${name}]`);
    const level = rightsOn(world, found.repository, person).level;
    return json(c, { permission: level, role_name: level, user: accountView(world, person, found.owner) });
  });

  app.put("/repos/:owner/:repo/collaborators/:name", async (c) => {
    const doer = signedIn(c, "repository");
    const { repository } = asAdmin(repositoryOr404(c, doer));
    const form = await readBody(c, "AddCollaboratorOption", z.object({ permission: z.string().default("write") }));
    const person = personNamed(param(c, "name"));
    if (!person.isActive) throw new Refusal(500, "collaborator's account is inactive");
    const level = levelNames[form.permission];
    if (level === undefined) throw new Refusal(500, "Invalid access mode");
    const { collaborators = {} } = world.repositories.get(repository.id) ?? {};
    world.repositories.change(repository.id, { collaborators: { ...collaborators, [String(person.id)]: level } });
    return noContent(c);
  });

  app.delete("/repos/:owner/:repo/collaborators/:name", (c) => {
    const doer = signedIn(c, "repository");
    const { repository } = asAdmin(repositoryOr404(c, doer));
    const person = personNamed(param(c, "name"));
    const { [String(person.id)]: _gone, ...others } = repository.collaborators;
    world.repositories.change(repository.id, { collaborators: others });
    return noContent(c);
  });

  app.get("/repos/:owner/:repo/teams", (c) => {
    const doer = signedIn(c, "repository");
    const { repository, owner } = repositoryOr404(c, doer);
    if (owner.kind !== "organisation") throw new Refusal(405, "repo is not owned by an organization");
    const having = teamsOf(world, owner.id).filter((team) => teamHas(team, repository));
    const key = (name: string) => (name === "Owners" ? "" : name);
    having.sort((one, other) => (key(one.name) < key(other.name) ? -1 : 1));
    return json(
      c,
      having.map((team) => teamView(world, team)),
    );
  });

  for (const list of ["hooks", "subscribers"]) {
    app.get(`/repos/:owner/:repo/${list}`, (c) => {
      repositoryOr404(c, doerWith(c, "repository"));
      return json(c, paged(c, [], { family: "always" }));
    });
  }

  function asAdmin(found: Found): Found {
    if (!isAtLeast(found.rights.level, "admin")) throw new Refusal(403, notRepositoryAdmin);
    return found;
  }

  function personNamed(name: string): Account {
    const person = accountByName(world, name);
    if (person === undefined) throw invalid(`user does not exist [uid: 0, name: ${name}]`);
    return person;
  }

  return app;
}
