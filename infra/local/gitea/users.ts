import { Hono } from "hono";
import { doerWith, type Env, signedIn } from "./door.ts";
import { accountOr404, param } from "./lookup.ts";
import { paged } from "./paging.ts";
import { json, Refusal } from "./refusals.ts";
import { isOrganisationMember, isVisibleTo } from "./rights.ts";
import { accountView, organisationView, teamView } from "./views.ts";
import type { World } from "./world.ts";

/** What is asked about people: `/users/…` and `/user…`. */
export function users(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/users/search", (c) => {
    const doer = doerWith(c, "user");
    const wanted = (c.req.query("q") ?? "").toLowerCase();
    const found = world.accounts.all().filter((row) => row.kind === "person" && row.lowerName.includes(wanted));
    const rows = paged(c, found, { family: "when asked", link: world.rootUrl });
    return json(c, { data: rows.map((row) => accountView(world, row, doer)), ok: true });
  });

  app.get("/users/:name", (c) => {
    const doer = doerWith(c, "user");
    const account = accountOr404(c, param(c, "name"));
    if (!isVisibleTo(world, account, doer)) {
      throw new Refusal(404, "GetUserByName", "loader", [`user does not exist [uid: 0, name: ${param(c, "name")}]`]);
    }
    return json(c, accountView(world, account, doer));
  });

  app.get("/user", (c) => {
    const doer = signedIn(c, "user");
    return json(c, accountView(world, doer, doer));
  });

  app.get("/user/teams", (c) => {
    const doer = signedIn(c, "user", "organization");
    const teams = world.teams.all().filter((team) => team.memberIds.includes(doer.id));
    teams.sort((one, other) => (one.name.toLowerCase() < other.name.toLowerCase() ? -1 : 1));
    const rows = paged(c, teams, { family: "always" });
    return json(
      c,
      rows.map((team) => teamView(world, team, true)),
    );
  });

  app.get("/user/orgs", (c) => json(c, organisationsOf(signedIn(c, "user", "organization").id, c)));

  app.get("/users/:name/orgs", (c) => {
    doerWith(c, "user", "organization");
    return json(c, organisationsOf(accountOr404(c, param(c, "name")).id, c));
  });

  function organisationsOf(accountId: number, c: Parameters<typeof paged>[0]): object[] {
    const found = world.accounts
      .all()
      .filter((row) => row.kind === "organisation" && isOrganisationMember(world, row.id, accountId));
    return paged(c, found, { family: "when asked", link: world.rootUrl }).map((row) => organisationView(world, row));
  }

  return app;
}
