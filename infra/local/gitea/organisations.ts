import { Hono } from "hono";
import * as z from "zod";
import { renameAccount } from "./admin-users.ts";
import { flag, readBody, text } from "./body.ts";
import { doerWith, type Env, organisationOwner, signedIn } from "./door.ts";
import { blankAccount } from "./ldap-sign-in.ts";
import { organisationOr404 } from "./lookup.ts";
import { accountName, isUrl, maxSize, oneOf, usableAccountName } from "./names.ts";
import { paged } from "./paging.ts";
import { invalid, json, noContent, notFound, Refusal } from "./refusals.ts";
import { isVisibleTo, rightsOn } from "./rights.ts";
import { visibilities } from "./rows.ts";
import { organisationView, repositoryView } from "./views.ts";
import { accountByName, forgetRedirect, teamsOf, type World } from "./world.ts";

const createSchema = z.object({
  username: text,
  full_name: text,
  email: text,
  description: text,
  website: text,
  location: text,
  visibility: text,
  repo_admin_change_team_access: flag,
});

const editSchema = createSchema.omit({ username: true }).extend({
  repo_admin_change_team_access: z.boolean().optional(),
});

/** Organisations themselves; their members, teams and repositories have files of their own. */
export function organisations(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/orgs", (c) => {
    const doer = doerWith(c, "organization");
    const found = world.accounts.all().filter((row) => row.kind === "organisation" && isVisibleTo(world, row, doer));
    const rows = paged(c, found, { family: "when asked", link: world.rootUrl });
    return json(
      c,
      rows.map((row) => organisationView(world, row)),
    );
  });

  app.post("/orgs", async (c) => {
    const doer = signedIn(c, "organization");
    const form = await readBody(c, "CreateOrgOption", createSchema);
    checkFields(form, form.username);
    usableAccountName(form.username);
    if (accountByName(world, form.username)) throw invalid(`user already exists [name: ${form.username}]`);
    forgetRedirect(world, 0, form.username);
    const organisation = world.accounts.insert({
      ...blankAccount(form.username),
      kind: "organisation",
      fullName: form.full_name,
      email: form.email,
      description: form.description,
      website: form.website,
      location: form.location,
      visibility: visibilities.find((known) => known === form.visibility) ?? "public",
      repositoryAdminsChangeTeams: form.repo_admin_change_team_access,
    });
    makeOwners(world, organisation.id, doer.id);
    return json(c, organisationView(world, organisation), 201);
  });

  app.get("/orgs/:org", (c) => {
    const doer = doerWith(c, "organization");
    const organisation = organisationOr404(c);
    if (!isVisibleTo(world, organisation, doer)) throw notFound("HasOrgOrUserVisible");
    return json(c, organisationView(world, organisation));
  });

  /** Up to 1.25 every text field that is left out becomes empty. */
  app.patch("/orgs/:org", async (c) => {
    signedIn(c, "organization");
    const organisation = organisationOr404(c);
    organisationOwner(c, organisation);
    const form = await readBody(c, "EditOrgOption", editSchema);
    checkFields(form);
    const changed = world.accounts.change(organisation.id, {
      fullName: form.full_name,
      email: form.email || undefined,
      description: form.description,
      website: form.website,
      location: form.location,
      visibility: visibilities.find((known) => known === form.visibility),
      repositoryAdminsChangeTeams: form.repo_admin_change_team_access,
    });
    return json(c, organisationView(world, changed));
  });

  app.delete("/orgs/:org", (c) => {
    signedIn(c, "organization");
    const organisation = organisationOr404(c);
    organisationOwner(c, organisation);
    if (world.repositories.all().some((row) => row.ownerId === organisation.id)) {
      throw new Refusal(500, `user still has ownership of repositories [uid: ${organisation.id}]`);
    }
    for (const team of teamsOf(world, organisation.id)) world.teams.remove(team.id);
    world.accounts.remove(organisation.id);
    return noContent(c);
  });

  app.post("/orgs/:org/rename", async (c) => {
    signedIn(c, "organization");
    const organisation = organisationOr404(c);
    organisationOwner(c, organisation);
    const form = await readBody(c, "RenameOrgOption", z.object({ new_name: text }));
    usableAccountName(form.new_name);
    const holder = accountByName(world, form.new_name);
    if (holder && holder.id !== organisation.id) throw invalid(`user already exists [name: ${form.new_name}]`);
    renameAccount(world, organisation, form.new_name);
    return noContent(c);
  });

  app.get("/orgs/:org/hooks", (c) => {
    signedIn(c, "organization");
    organisationOwner(c, organisationOr404(c));
    return json(c, paged(c, [], { family: "always" }));
  });

  app.get("/orgs/:org/repos", (c) => {
    const doer = doerWith(c, "organization");
    const organisation = organisationOr404(c);
    const found = world.repositories
      .all()
      .filter((row) => row.ownerId === organisation.id && rightsOn(world, row, doer).canSee);
    const rows = paged(c, found, { family: "always", link: world.rootUrl });
    return json(
      c,
      rows.map((row) => repositoryView(world, row, doer)),
    );
  });

  return app;
}

function makeOwners(world: World, organisationId: number, accountId: number): void {
  world.teams.insert({
    organisationId,
    name: "Owners",
    description: "",
    level: "owner",
    units: {},
    includesAllRepositories: true,
    canCreateRepositories: true,
    memberIds: [accountId],
    repositoryIds: [],
  });
}

function checkFields(form: z.infer<typeof editSchema>, name?: string): void {
  if (name !== undefined) accountName("UserName", name);
  maxSize("FullName", form.full_name, 100);
  maxSize("Email", form.email, 255);
  maxSize("Description", form.description, 255);
  isUrl("Website", form.website);
  maxSize("Website", form.website, 255);
  maxSize("Location", form.location, 50);
  oneOf("Visibility", form.visibility, visibilities);
}
