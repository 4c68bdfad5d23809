import { randomBytes } from "node:crypto";
import { type Context, Hono } from "hono";
import * as z from "zod";
import { readBody, text } from "./body.ts";
import { type Env, signedIn } from "./door.ts";
import { accountOr404, param } from "./lookup.ts";
import { required } from "./names.ts";
import { paged } from "./paging.ts";
import { invalid, json, noContent, notFound, Refusal } from "./refusals.ts";
import type { Account, Token } from "./rows.ts";
import { wait } from "./switches.ts";
import { digest, now, type World } from "./world.ts";

const categories = "activitypub admin misc notification organization package issue repository user".split(" ");
const knownScopes = new Set(["all", "public-only", ...categories.flatMap((name) => [`read:${name}`, `write:${name}`])]);

const mintSchema = z.object({ name: text, scopes: z.array(z.string()).default([]) });

/** Access tokens: HTTP Basic only, for oneself or by a site admin; the secret is shown once. */
export function tokens(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/users/:name/tokens", (c) => {
    const account = door(c);
    const rows = paged(c, tokensOf(account), { family: "when asked" });
    return json(
      c,
      rows.map((token) => ({ ...tokenView(token, ""), created_at: token.createdAt, last_used_at: token.lastUsedAt })),
    );
  });

  app.post("/users/:name/tokens", async (c) => {
    const account = door(c);
    const form = await readBody(c, "CreateAccessTokenOption", mintSchema);
    required("Name", form.name);
    if (tokensOf(account).some((token) => token.name === form.name)) {
      throw new Refusal(400, "access token name has been used already");
    }
    const unknown = form.scopes.find((scope) => !knownScopes.has(scope));
    if (unknown !== undefined) {
      throw new Refusal(400, `invalid access token scope provided: invalid access token scope: ${unknown}`);
    }
    if (form.scopes.length === 0) throw new Refusal(400, "access token must have a scope");
    await wait(world.switches.tokenRaceMilliseconds);
    const { token, secret } = mintToken(world, account, form.name, normalised(form.scopes));
    return json(c, tokenView(token, secret), 201);
  });

  app.delete("/users/:name/tokens/:token", (c) => {
    const account = door(c);
    const name = param(c, "token");
    const isNumber = /^[+-]?(?:0x[\da-f]+|0b[01]+|0o?[0-7]+|\d+)$/i.test(name) && Number(name) !== 0;
    const found = tokensOf(account).filter((token) => (isNumber ? token.id === Number(name) : token.name === name));
    if (found.length > 1) throw invalid(`multiple matches for token name '${name}'`);
    if (found[0] === undefined) throw notFound();
    world.tokens.remove(found[0].id);
    return noContent(c);
  });

  function door(c: Context<Env>): Account {
    const doer = signedIn(c, "user");
    const account = accountOr404(c, param(c, "name"));
    if (!doer.isAdmin && doer.id !== account.id) {
      throw new Refusal(403, "doer should be the site admin or be same as the contextUser");
    }
    if (c.get("asker")?.isBasic !== true) throw new Refusal(401, "auth required");
    return account;
  }

  function tokensOf(account: Account): Token[] {
    return world.tokens.all().filter((token) => token.accountId === account.id);
  }

  return app;
}

/** In Gitea's order; writing includes reading, `all` everything. */
function normalised(scopes: readonly string[]): string[] {
  if (scopes.includes("all")) return ["all"];
  const kept = categories.flatMap((name) => {
    const level = ["write", "read"].find((candidate) => scopes.includes(`${candidate}:${name}`));
    return level === undefined ? [] : [`${level}:${name}`];
  });
  return scopes.includes("public-only") ? ["public-only", ...kept] : kept;
}

/** Makes a token and returns its secret, of which only the digest is kept. */
export function mintToken(
  world: World,
  account: Account,
  name: string,
  scopes: string[],
): { token: Token; secret: string } {
  const secret = randomBytes(20).toString("hex");
  const token = world.tokens.insert({
    accountId: account.id,
    name,
    digest: digest(secret),
    lastEight: secret.slice(-8),
    scopes,
    createdAt: now(),
    lastUsedAt: now(),
  });
  return { token, secret };
}

function tokenView(token: Token, secret: string): object {
  return {
    id: token.id,
    name: token.name,
    sha1: secret,
    token_last_eight: token.lastEight,
    scopes: token.scopes,
    created_at: "0001-01-01T00:00:00Z",
    last_used_at: "0001-01-01T00:00:00Z",
  };
}
