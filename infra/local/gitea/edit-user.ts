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
    const { id } = account;
    const signIn = world.accounts.change(id, signInFields(world, account, form));
    world.accounts.change(id, { email: newMail(world, signIn, form.email) });
    return json(c, accountView(world, world.accounts.change(id, profileFields(form)), doer));
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

type Fields = { [Field in keyof Account]?: Account[Field] | undefined };

function signInFields(world: World, account: Account, form: EditUser): Fields {
  if (form.source_id !== 0 && form.source_id !== world.sourceId) {
    throw new Refusal(500, `login source does not exist [id: ${form.source_id}]`);
  }
  const sourceId = form.source_id || account.sourceId;
  const setsPassword = sourceId === 0 && form.password !== "";
  if (setsPassword && form.password.length < 8) throw new Refusal(400, "password must be at least 8 characters");
  return {
    sourceId,
    loginName: form.login_name,
    password: setsPassword ? digest(form.password) : undefined,
    mustChangePassword: form.must_change_password,
    isLoginProhibited: form.prohibit_login,
  };
}

/** The mail to write, in lower case; nothing for the same one in another case. */
function newMail(world: World, account: Account, mail: string | undefined): string | undefined {
  if (mail === undefined || mail.toLowerCase() === account.email.toLowerCase()) return undefined;
  const fault = mailFault(mail);
  if (fault !== undefined) throw new Refusal(400, fault);
  const domain = world.switches.mailDomain;
  if (domain !== null && !mail.endsWith(`@${domain}`)) throw new Refusal(400, domainConflict(mail));
  if (accountByMail(world, mail)) throw new Refusal(400, `e-mail already in use [email: ${mail}]`);
  return mail.toLowerCase();
}

function profileFields(form: EditUser): Fields {
  return {
    fullName: form.full_name,
    website: form.website,
    location: form.location,
    description: form.description,
    isActive: form.active,
    isAdmin: form.admin,
    repositoryQuota: form.max_repo_creation,
    isRestricted: form.restricted,
    visibility: visibilities.find((known) => known === form.visibility),
  };
}
