import { Hono } from "hono";
import * as z from "zod";
import { flag, readBody, text } from "./body.ts";
import { type Env, organisationOwner, signedIn } from "./door.ts";
import { organisationOr404, teamOr404 } from "./lookup.ts";
import { alphaDashDot, maxSize, required } from "./names.ts";
import { paged } from "./paging.ts";
import { invalid, json, noContent, notFound, Refusal } from "./refusals.ts";
import { isOrganisationMember, isOrganisationOwner } from "./rights.ts";
import { type Account, type Level, levels, type Team } from "./rows.ts";
import { wait } from "./switches.ts";
import { teamView, unitKeys } from "./views.ts";
import { teamsOf, type World } from "./world.ts";

const createSchema = z.object({
  name: text,
  description: text,
  permission: text,
  units: z.array(z.string()).default([]),
  units_map: z.record(z.string(), z.string()).default({}),
  includes_all_repositories: flag,
  can_create_org_repo: flag,
});

const editSchema = createSchema.extend({
  description: z.string().optional(),
  includes_all_repositories: z.boolean().optional(),
  can_create_org_repo: z.boolean().optional(),
});

/** Teams as rows; their members and repositories are in the two files beside this one. */
export function teams(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/orgs/:org/teams", (c) => {
    const doer = signedIn(c, "organization");
    const organisation = organisationOr404(c);
    memberOrAdmin(world, organisation, doer);
    const rows = paged(c, sorted(teamsOf(world, organisation.id)), { family: "always" });
    return json(
      c,
      rows.map((team) => teamView(world, team)),
    );
  });

  app.get("/orgs/:org/teams/search", (c) => {
    const doer = signedIn(c, "organization");
    const organisation = organisationOr404(c);
    memberOrAdmin(world, organisation, doer);
    const withDescriptions = c.req.query("include_desc") !== "false";
    const matches = like((c.req.query("q") ?? "").trim());
    const seesAll = doer.isAdmin || isOrganisationOwner(world, organisation.id, doer.id);
    const found = sorted(teamsOf(world, organisation.id))
      .filter((team) => seesAll || team.memberIds.includes(doer.id))
      .filter((team) => matches(team.name) || (withDescriptions && matches(team.description)));
    const rows = paged(c, found, { family: "always" });
    return json(c, { data: rows.map((team) => teamView(world, team)), ok: true });
  });

  app.post("/orgs/:org/teams", async (c) => {
    signedIn(c, "organization");
    const organisation = organisationOr404(c);
    organisationOwner(c, organisation);
    const form = await readBody(c, "CreateTeamOption", createSchema);
    required("Name", form.name);
    checkFields(form);
    const level = wholeLevel(form.permission);
    const units = unitsOf(form, level);
    if (level !== "admin" && units === undefined) throw new Refusal(500, "units permission should not be empty");
    if (form.name.toLowerCase() === "new") throw new Refusal(500, "name is reserved [name: new]");
    if (nameTaken(world, organisation.id, form.name)) throw invalid(alreadyExists(organisation.id, form.name));
    await wait(world.switches.teamRaceMilliseconds);
    const team = world.teams.insert({
      organisationId: organisation.id,
      name: form.name,
      description: form.description,
      level,
      units: units ?? {},
      includesAllRepositories: form.includes_all_repositories,
      canCreateRepositories: form.can_create_org_repo,
      memberIds: [],
      repositoryIds: [],
    });
    return json(c, teamView(world, team, true), 201);
  });

  app.get("/teams/:team", (c) => {
    const doer = signedIn(c, "organization");
    const team = teamOr404(c);
    teamMemberOrAdmin(world, team, doer);
    return json(c, teamView(world, team, true));
  });

  app.patch("/teams/:team", async (c) => {
    const doer = signedIn(c, "organization");
    const team = teamOr404(c);
    teamOwnerOrAdmin(world, team, doer);
    const form = await readBody(c, "EditTeamOption", editSchema);
    checkFields(form);
    const changed = edited(world.teams.get(team.id) ?? team, form);
    if (nameTaken(world, team.organisationId, changed.name, team.id)) {
      throw new Refusal(500, alreadyExists(team.organisationId, changed.name));
    }
    return json(c, teamView(world, world.teams.change(team.id, changed)));
  });

  app.delete("/teams/:team", (c) => {
    const doer = signedIn(c, "organization");
    const team = teamOr404(c);
    teamOwnerOrAdmin(world, team, doer);
    world.teams.remove(team.id);
    return noContent(c);
  });

  return app;
}

function checkFields(form: z.infer<typeof editSchema>): void {
  alphaDashDot("Name", form.name);
  maxSize("Name", form.name, 255);
  maxSize("Description", form.description, 255);
}

/** `permission` and `includes_all_repositories` count only together; a level below admin leaves the units as they are. */
function edited(team: Team, form: z.infer<typeof editSchema>): Team {
  const isAsked = team.level !== "owner" && form.permission !== "";
  const level = isAsked ? wholeLevel(form.permission) : team.level;
  return {
    ...team,
    name: form.name || team.name,
    description: form.description ?? team.description,
    level,
    units: unitsOf(form, level) ?? team.units,
    includesAllRepositories: isAsked
      ? (form.includes_all_repositories ?? team.includesAllRepositories)
      : team.includesAllRepositories,
    canCreateRepositories: team.level === "owner" || (form.can_create_org_repo ?? team.canCreateRepositories),
  };
}

function wholeLevel(permission: string): Level {
  return permission === "admin" ? "admin" : "none";
}

/** Unknown units become "" and unknown levels "none", both silently. */
function unitsOf(form: z.infer<typeof editSchema>, level: Level): Record<string, Level> | undefined {
  if (level === "admin") return Object.fromEntries(unitKeys.map((key) => [key, "admin"]));
  if (level === "owner") return undefined;
  const entries = Object.entries(form.units_map);
  const known = (key: string) => (unitKeys.includes(key) ? key : "");
  if (entries.length > 0) {
    return Object.fromEntries(
      entries.map(([key, asked]) => [known(key), levels.find((candidate) => candidate === asked) ?? "none"]),
    );
  }
  if (form.units.length === 0) return undefined;
  const each: Level = form.permission === "write" ? "write" : "read";
  return Object.fromEntries(form.units.filter((key) => unitKeys.includes(key)).map((key) => [key, each]));
}

function nameTaken(world: World, organisationId: number, name: string, exceptId = 0): boolean {
  const lower = name.toLowerCase();
  return teamsOf(world, organisationId).some((team) => team.name.toLowerCase() === lower && team.id !== exceptId);
}

function alreadyExists(organisationId: number, name: string): string {
  return `team already exists [org_id: ${organisationId}, name: ${name.toLowerCase()}]`;
}

function sorted(rows: Team[]): Team[] {
  return rows.sort((one, other) => (one.name.toLowerCase() < other.name.toLowerCase() ? -1 : 1));
}

/** SQL's LIKE '%…%' in any case: `_` is one character, `%` any number. */
function like(keyword: string): (value: string) => boolean {
  const escaped = keyword.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(escaped.replaceAll("_", ".").replaceAll("%", ".*"), "is");
  return (value) => pattern.test(value);
}

function memberOrAdmin(world: World, organisation: Account, doer: Account): void {
  if (doer.isAdmin || isOrganisationMember(world, organisation.id, doer.id)) return;
  throw new Refusal(403, "Must be an organization member");
}

export function teamMemberOrAdmin(world: World, team: Team, doer: Account): void {
  if (doer.isAdmin || team.memberIds.includes(doer.id)) return;
  if (isOrganisationOwner(world, team.organisationId, doer.id)) return;
  if (isOrganisationMember(world, team.organisationId, doer.id)) throw new Refusal(403, "Must be a team member");
  throw notFound();
}

export function teamOwnerOrAdmin(world: World, team: Team, doer: Account): void {
  if (!doer.isAdmin && !isOrganisationOwner(world, team.organisationId, doer.id)) throw notFound();
}
