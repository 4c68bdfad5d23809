import { Hono } from "hono";
import { doerWith, type Env, organisationOwner, signedIn } from "./door.ts";
import { namedAccount, organisationOr404, param } from "./lookup.ts";
import { paged } from "./paging.ts";
import { json, noContent, notFound, redirectTo } from "./refusals.ts";
import { isOrganisationMember } from "./rights.ts";
import type { Account } from "./rows.ts";
import { leaveTeam, sortedMembers } from "./team-members.ts";
import { accountView } from "./views.ts";
import { teamsOf, type World } from "./world.ts";

/** Whoever is in one of an organisation's teams: there is no other membership. */
export function organisationMembers(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/orgs/:org/members", (c) => {
    const doer = doerWith(c, "organization");
    const organisation = organisationOr404(c);
    const ids = new Set(
      seesMembers(organisation, doer) ? teamsOf(world, organisation.id).flatMap((team) => team.memberIds) : [],
    );
    const rows = paged(c, sortedMembers(world, [...ids]), { family: "always" });
    return json(
      c,
      rows.map((row) => accountView(world, row, doer)),
    );
  });

  app.get("/orgs/:org/members/:name", (c) => {
    const doer = doerWith(c, "organization");
    const organisation = organisationOr404(c);
    const person = namedAccount(world, param(c, "name"));
    if (doer?.id !== person.id && !seesMembers(organisation, doer)) {
      throw redirectTo(c, `/api/v1/orgs/${organisation.name}/public_members/${person.name}`, 303);
    }
    if (!isOrganisationMember(world, organisation.id, person.id)) throw notFound();
    return noContent(c);
  });

  app.delete("/orgs/:org/members/:name", (c) => {
    signedIn(c, "organization");
    const organisation = organisationOr404(c);
    organisationOwner(c, organisation);
    const person = namedAccount(world, param(c, "name"));
    const teams = teamsOf(world, organisation.id).filter((team) => team.memberIds.includes(person.id));
    for (const team of teams) leaveTeam(world, team, person.id);
    return noContent(c);
  });

  /** Membership is private: strangers see none of it. */
  function seesMembers(organisation: Account, doer: Account | null): boolean {
    return doer !== null && (doer.isAdmin || isOrganisationMember(world, organisation.id, doer.id));
  }

  return app;
}
