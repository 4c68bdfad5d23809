import { Hono } from "hono";
import { type Env, siteAdmin } from "./door.ts";
import { composeFullName, listPeople } from "./ldap-sign-in.ts";
import { param } from "./lookup.ts";
import { paged } from "./paging.ts";
import { json, noContent, notFound } from "./refusals.ts";
import { accountByMail, accountByName, type World } from "./world.ts";

const syncTask = "sync_external_users";

/** The list of scheduled tasks, of which only the LDAP sync exists here, and only when it is asked for. */
export function cron(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/admin/cron", (c) => {
    siteAdmin(c);
    const task = world.tasks.all().find((row) => row.name === syncTask);
    const midnight = new Date();
    midnight.setUTCHours(24, 0, 0, 0);
    const entry = {
      name: syncTask,
      schedule: "@midnight",
      next: midnight.toISOString().replace(".000", ""),
      prev: task?.lastRunAt ?? "0001-01-01T00:00:00Z",
      exec_times: task?.runs ?? 0,
    };
    return json(c, paged(c, [entry], { family: "always" }));
  });

  app.post("/admin/cron/:task", async (c) => {
    siteAdmin(c);
    if (param(c, "task") !== syncTask) throw notFound();
    await synchronise(world);
    const task = world.tasks.all().find((row) => row.name === syncTask);
    const run = { name: syncTask, runs: (task?.runs ?? 0) + 1, lastRunAt: new Date().toISOString() };
    if (task === undefined) world.tasks.insert(run);
    else world.tasks.change(task.id, run);
    return noContent(c);
  });

  app.get("/admin/hooks", (c) => {
    siteAdmin(c);
    return json(c, []);
  });

  return app;
}

/** Gitea's own sync: names and mails are overwritten, who is missing is made inactive; no directory, no change. */
async function synchronise(world: World): Promise<void> {
  const people = world.ldap && (await listPeople(world.ldap));
  if (!people) return;
  const seen = new Set<number>();
  for (const person of people) {
    const email = (person.mail || `${person.username}@localhost.local`).toLowerCase();
    const account = accountByName(world, person.username) ?? accountByMail(world, email);
    if (account === undefined || account.sourceId !== world.sourceId) continue;
    seen.add(account.id);
    const holder = accountByMail(world, email);
    const mail = holder === undefined || holder.id === account.id ? email : account.email;
    const fullName = composeFullName(person, person.username);
    if (account.fullName === fullName && account.email === mail && account.isActive) continue;
    world.accounts.change(account.id, { fullName, email: mail, isActive: true });
  }
  for (const account of world.accounts.all()) {
    if (account.sourceId === world.sourceId && account.isActive && !seen.has(account.id)) {
      world.accounts.change(account.id, { isActive: false });
    }
  }
}
