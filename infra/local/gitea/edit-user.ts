import { Hono } from "hono";
import * as z from "zod";
import { domainConflict } from "./admin-users.ts";
import { readBody, text } from "./body.ts";
import { type Env, siteAdmin } from "./door.ts";
import { accountOr404, param } from "./lookup.ts";
import { isUrl, mailFault, maxSize, oneOf, required } from "./names.ts";
import { json, Refusal } from "./refusals.ts";
import { type Account, visibilities } from "./rows.ts";
import { accountView } from "./views.ts";
import { accountByMail, digest, type World } from "./world.ts";

const editSchema = z.object({
  source_id: z.number().default(0),
  login_name: text,
  email: z.string().optional(),
  full_name: z.string().optional(),
  password: text,
  must_change_password: z.boolean().optional(),
  website: z.string().optional(),
  location: z.string().optional(),
  description: z.string().optional(),
  active: z.boolean().optional(),
  admin: z.boolean().optional(),
  max_repo_creation: z.number().optional(),
  prohibit_login: z.boolean().optional(),
  allow_create_organization: z.boolean().optional(),
  restricted: z.boolean().optional(),
  visibility: text,
});
type EditUser = z.infer<typeof editSchema>;

/**
 * PATCH `/admin/users/{name}`, in Gitea's three steps of which none undoes the one before: sign-in fields, then the
 * mail, then the rest. A refused mail leaves `login_name` written.
 */
export function editUser(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.patch("/admin/users/:name", async (c) => {
    const doer = siteAdmin(c);
    const account = accountOr404(c, param(c, "name"));
    const form = await readBody(c, "EditUserOption", editSchema);
    checkFields(form);
    const signIn = world.accounts.put(withSignIn(world, account, form));
    const mail = world.accounts.put(withMail(world, signIn, form.email));
    const whole = world.accounts.put(withProfile(mail, form));
    return json(c, accountView(world, whole, doer));
  });

  return app;
}

function checkFields(form: EditUser): void {
  required("LoginName", form.login_name);
  maxSize("Email", form.email, 254);
  maxSize("FullName", form.full_name, 100);
  isUrl("Website", form.website);
  maxSize("Website", form.website, 255);
  maxSize("Location", form.location, 50);
  maxSize("Description", form.description, 255);
  oneOf("Visibility", form.visibility, visibilities);
}

function withSignIn(world: World, account: Account, form: EditUser): Account {
  if (form.source_id !== 0 && form.source_id !== world.sourceId) {
    throw new Refusal(500, `login source does not exist [id: ${form.source_id}]`);
  }
  const sourceId = form.source_id || account.sourceId;
  if (sourceId === 0 && form.password !== "" && form.password.length < 8) {
    throw new Refusal(400, "password must be at least 8 characters");
  }
  return {
    ...account,
    sourceId,
    loginName: form.login_name,
    password: sourceId === 0 && form.password !== "" ? digest(form.password) : account.password,
    mustChangePassword: form.must_change_password ?? account.mustChangePassword,
    isLoginProhibited: form.prohibit_login ?? account.isLoginProhibited,
  };
}

function withMail(world: World, account: Account, mail: string | undefined): Account {
  if (mail === undefined || mail.toLowerCase() === account.email.toLowerCase()) return account;
  const fault = mailFault(mail);
  if (fault !== undefined) throw new Refusal(400, fault);
  const domain = world.switches.mailDomain;
  if (domain !== null && !mail.endsWith(`@${domain}`)) throw new Refusal(400, domainConflict(mail));
  if (accountByMail(world, mail)) throw new Refusal(400, `e-mail already in use [email: ${mail}]`);
  return { ...account, email: mail.toLowerCase() };
}

function withProfile(account: Account, form: EditUser): Account {
  return {
    ...account,
    fullName: form.full_name ?? account.fullName,
    website: form.website ?? account.website,
    location: form.location ?? account.location,
    description: form.description ?? account.description,
    isActive: form.active ?? account.isActive,
    isAdmin: form.admin ?? account.isAdmin,
    repositoryQuota: form.max_repo_creation ?? account.repositoryQuota,
    isRestricted: form.restricted ?? account.isRestricted,
    visibility: visibilities.find((known) => known === form.visibility) ?? account.visibility,
  };
}
