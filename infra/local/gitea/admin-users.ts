import { type Context, Hono } from "hono";
import * as z from "zod";
import { readBody, text } from "./body.ts";
import { type Env, siteAdmin } from "./door.ts";
import { blankAccount } from "./ldap-sign-in.ts";
import { accountOr404, param } from "./lookup.ts";
import { accountName, mailFault, mailField, maxSize, oneOf, usableAccountName } from "./names.ts";
import { paged } from "./paging.ts";
import { invalid, json, noContent, Refusal } from "./refusals.ts";
import { type Account, visibilities } from "./rows.ts";
import { accountView, organisationView } from "./views.ts";
import { accountByMail, accountByName, digest, forgetRedirect, leaveRedirect, type World } from "./world.ts";

const createSchema = z.object({
  source_id: z.number().default(0),
  login_name: text,
  username: text,
  full_name: text,
  email: text,
  password: text,
  must_change_password: z.boolean().default(true),
  restricted: z.boolean().default(false),
  visibility: text,
});
type CreateUser = z.infer<typeof createSchema>;

/** What a site admin does with accounts: list, create, rename, delete. Changing one is in `edit-user.ts`. */
export function adminUsers(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/admin/users", (c) => {
    const doer = siteAdmin(c);
    const sourceId = c.req.query("source_id");
    const loginName = c.req.query("login_name");
    const found = world.accounts
      .all()
      .filter((row) => row.kind === "person")
      .filter((row) => sourceId === undefined || Number(sourceId) === 0 || row.sourceId === Number(sourceId))
      .filter((row) => loginName === undefined || loginName === "" || row.loginName === loginName)
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    const rows = paged(c, found, { family: "when asked", link: world.rootUrl });
    return json(
      c,
      rows.map((row) => accountView(world, row, doer)),
    );
  });

  app.post("/admin/users", async (c) => {
    const doer = siteAdmin(c);
    const form = await readBody(c, "CreateUserOption", createSchema);
    const account = createAccount(world, form);
    warnOfDomain(c, world, account);
    // The answer shows the mail in lower case, the row keeps it as it was sent.
    return json(c, accountView(world, { ...account, email: account.email.toLowerCase() }, doer), 201);
  });

  app.delete("/admin/users/:name", (c) => {
    const doer = siteAdmin(c);
    const account = accountOr404(c, param(c, "name"));
    if (account.id === doer.id) throw invalid("you cannot delete yourself");
    const holds = (what: string) => invalid(`user still has ${what} [uid: ${account.id}]`);
    if (world.repositories.all().some((row) => row.ownerId === account.id)) throw holds("ownership of repositories");
    if (world.teams.all().some((team) => team.memberIds.includes(account.id)))
      throw holds("membership of organizations");
    for (const token of world.tokens.all()) if (token.accountId === account.id) world.tokens.remove(token.id);
    for (const key of world.keys.all()) if (key.accountId === account.id) world.keys.remove(key.id);
    world.accounts.remove(account.id);
    return noContent(c);
  });

  app.post("/admin/users/:name/rename", async (c) => {
    siteAdmin(c);
    const account = accountOr404(c, param(c, "name"));
    const form = await readBody(c, "RenameUserOption", z.object({ new_username: text }));
    rename(world, account, form.new_username);
    return noContent(c);
  });

  app.post("/admin/users/:name/orgs", (c) => {
    siteAdmin(c);
    accountOr404(c, param(c, "name"));
    throw new Refusal(501, "the stand-in makes organisations by POST /orgs only");
  });

  app.get("/admin/orgs", (c) => {
    siteAdmin(c);
    const found = world.accounts
      .all()
      .filter((row) => row.kind === "organisation")
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    const rows = paged(c, found, { family: "when asked", link: world.rootUrl });
    return json(
      c,
      rows.map((row) => organisationView(world, row)),
    );
  });

  app.get("/admin/emails/search", (c) => {
    siteAdmin(c);
    const wanted = (c.req.query("q") ?? "").toLowerCase();
    const found = world.accounts
      .all()
      .filter((row) => row.kind === "person")
      .filter((row) => row.lowerName.includes(wanted) || row.email.toLowerCase().includes(wanted));
    const rows = paged(c, found, { family: "always" });
    const view = (row: Account) => ({
      email: row.email,
      verified: true,
      primary: true,
      user_id: row.id,
      username: row.name,
    });
    return json(c, rows.map(view));
  });

  return app;
}

/** Field rules, auth source, password, reserved names, name, mail: the order in which a real one refuses. */
function createAccount(world: World, form: CreateUser): Account {
  accountName("Username", form.username);
  maxSize("FullName", form.full_name, 100);
  mailField("Email", form.email);
  oneOf("Visibility", form.visibility, visibilities);
  if (form.source_id !== 0 && form.source_id !== world.sourceId) {
    throw invalid(`login source does not exist [id: ${form.source_id}]`);
  }
  if (form.source_id === 0 && form.password.length < 8) throw new Refusal(400, "PasswordIsRequired");
  usableAccountName(form.username);
  const fault = mailFault(form.email);
  if (fault !== undefined) throw invalid(fault);
  if (accountByName(world, form.username)) throw invalid(`user already exists [name: ${form.username}]`);
  if (accountByMail(world, form.email)) throw invalid(`e-mail already in use [email: ${form.email}]`);
  forgetRedirect(world, 0, form.username);
  return world.accounts.insert({
    ...blankAccount(form.username),
    fullName: form.full_name,
    email: form.email,
    loginName: form.login_name,
    sourceId: form.source_id,
    password: form.source_id === 0 ? digest(form.password) : "",
    mustChangePassword: form.must_change_password,
    isRestricted: form.restricted,
    visibility: visibilities.find((known) => known === form.visibility) ?? "public",
  });
}

function warnOfDomain(c: Context, world: World, account: Account): void {
  const domain = world.switches.mailDomain;
  if (domain === null || account.email.endsWith(`@${domain}`)) return;
  c.header("X-Gitea-Warning", domainConflict(account.email));
}

export function domainConflict(mail: string): string {
  return `the domain of user email ${mail} conflicts with EMAIL_DOMAIN_ALLOWLIST or EMAIL_DOMAIN_BLOCKLIST`;
}

function rename(world: World, account: Account, name: string): void {
  if (account.kind === "person" && account.sourceId !== 0) {
    throw new Refusal(500, `user is not local type [uid: ${account.id}, name: ${account.name}]`);
  }
  usableAccountName(name);
  const holder = accountByName(world, name);
  if (holder !== undefined && holder.id !== account.id) throw invalid(`user already exists [name: ${name}]`);
  renameAccount(world, account, name);
}

/** Gives an account or organisation another name; the old one redirects, unless only its case changed. */
export function renameAccount(world: World, account: Account, name: string): void {
  forgetRedirect(world, 0, name);
  if (name.toLowerCase() !== account.lowerName) leaveRedirect(world, { ownerId: 0, name: account.name }, account.id);
  world.accounts.change(account.id, { name, lowerName: name.toLowerCase() });
}
