import type { HttpBindings } from "@hono/node-server";
import type { Context, MiddlewareHandler } from "hono";
import { signInByPassword } from "./ldap-sign-in.ts";
import { notFound, Refusal } from "./refusals.ts";
import { isOrganisationOwner } from "./rights.ts";
import type { Account, Token } from "./rows.ts";
import { accountByName, digest, now, type World } from "./world.ts";

/** Who asks: the account that acts (after Sudo), and by what credential it came in. */
export interface Asker {
  account: Account;
  signedInAs: Account;
  token: Token | null;
  isBasic: boolean;
}

export type Env = { Bindings: HttpBindings; Variables: { asker: Asker | null; world: World } };

/** What `Authorization` proves: an asker, nobody (no header), or `refused`. */
export async function identify(world: World, header: string | undefined): Promise<Asker | null | "refused"> {
  if (header === undefined || header === "") return null;
  const [scheme = "", value = ""] = header.split(/\s+/, 2);
  if (/^(token|bearer)$/i.test(scheme)) return byToken(world, value, false) ?? "refused";
  if (!/^basic$/i.test(scheme)) return null;
  const decoded = Buffer.from(value, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 0) return "refused";
  const name = decoded.slice(0, colon);
  const password = decoded.slice(colon + 1);
  const isTokenInName = password === "" || password === "x-oauth-basic";
  const asker = byToken(world, isTokenInName ? name : password, true);
  if (asker !== null) return asker;
  const account = await signInByPassword(world, name, password);
  return account === null ? "refused" : { account, signedInAs: account, token: null, isBasic: true };
}

function byToken(world: World, secret: string, isBasic: boolean): Asker | null {
  if (!/^[0-9a-f]{40}$/.test(secret)) return null;
  const wanted = digest(secret);
  const found = world.tokens.all().find((token) => token.digest === wanted);
  const account = found && world.accounts.get(found.accountId);
  if (found === undefined || account === undefined) return null;
  const token = found.lastUsedAt === now() ? found : world.tokens.change(found.id, { lastUsedAt: now() });
  return { account, signedInAs: account, token, isBasic };
}

/** Middleware of the API: credentials, then blocks, then Sudo, in Gitea's order. */
export function apiDoor(world: World): MiddlewareHandler<Env> {
  return async (c, next) => {
    const asker = await identify(world, c.req.header("authorization"));
    if (asker === "refused") throw new Refusal(401, "invalid username, password or token");
    if (asker !== null) refuseBlocked(world, asker.account);
    c.set("asker", sudo(world, asker, c.req.query("sudo") || c.req.header("sudo")));
    await next();
  };
}

function refuseBlocked(world: World, account: Account): void {
  if (!account.isActive || account.isLoginProhibited) {
    throw new Refusal(
      403,
      "This account is prohibited from signing in, please contact your site administrator.",
      "bare",
    );
  }
  if (account.mustChangePassword) {
    throw new Refusal(
      403,
      `You must change your password. Change it at: ${world.rootUrl}//user/change_password`,
      "bare",
    );
  }
}

function sudo(world: World, asker: Asker | null, name: string | undefined): Asker | null {
  if (name === undefined || name === "") return asker;
  if (asker === null || !asker.account.isAdmin) {
    throw new Refusal(403, "Only administrators allowed to sudo.", "bare");
  }
  const account = accountByName(world, name);
  if (account === undefined) throw notFound();
  return { ...asker, account };
}

type Category = "admin" | "organization" | "repository" | "user" | "notification" | "misc";

/** The doer, or null for an anonymous one; a token without one of the scopes is refused first. */
export function doerWith(c: Context<Env>, ...categories: Category[]): Account | null {
  const asker = c.get("asker");
  if (asker?.token) requireScope(c, asker.token, categories);
  return asker?.account ?? null;
}

/** The same for routes that want somebody. */
export function signedIn(c: Context<Env>, ...categories: Category[]): Account {
  const doer = doerWith(c, ...categories);
  if (doer === null) throw new Refusal(401, "token is required");
  return doer;
}

export function siteAdmin(c: Context<Env>): Account {
  const doer = signedIn(c, "admin");
  if (!doer.isAdmin) throw new Refusal(403, "user should be the site admin");
  return doer;
}

export function organisationOwner(c: Context<Env>, organisation: Account): Account {
  const doer = signedIn(c, "organization");
  if (!doer.isAdmin && !isOrganisationOwner(c.get("world"), organisation.id, doer.id)) {
    throw new Refusal(403, "Must be an organization owner");
  }
  return doer;
}

function requireScope(c: Context, token: Token, categories: Category[]): void {
  const level = ["GET", "HEAD", "OPTIONS"].includes(c.req.method) ? "read" : "write";
  if (hasScope(token, level, categories)) return;
  const required = categories.map((category) => `${level}:${category}`).join(" ");
  throw new Refusal(
    403,
    `token does not have at least one of required scope(s), required=[${required}], token scope=${token.scopes.join(",")}`,
  );
}

export function hasScope(token: Token, level: "read" | "write", categories: Category[]): boolean {
  if (token.scopes.includes("all")) return true;
  return categories.every(
    (category) =>
      token.scopes.includes(`write:${category}`) || (level === "read" && token.scopes.includes(`read:${category}`)),
  );
}
