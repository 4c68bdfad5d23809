import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { html } from "hono/html";
import { type Env, identify } from "./door.ts";
import { listTree, resolveCommit } from "./git.ts";
import { signInByPassword } from "./ldap-sign-in.ts";
import { param } from "./lookup.ts";
import { rightsOn } from "./rights.ts";
import type { Account } from "./rows.ts";
import { accountByName, repositoryByName, repositoryDir, type World } from "./world.ts";

const cookieName = "i_like_gitea";

/** The few web pages that a person or a browser test needs: sign in, one's repositories, one repository with its files. */
export function pages(world: World): Hono<Env> {
  const app = new Hono<Env>();
  const sessions = new Map<string, number>();

  async function visitor(cookie: string | undefined, authorization: string | undefined): Promise<Account | null> {
    const id = cookie === undefined ? undefined : sessions.get(cookie);
    if (id !== undefined) return world.accounts.get(id) ?? null;
    const asker = await identify(world, authorization);
    return asker === null || asker === "refused" ? null : asker.account;
  }

  app.get("/user/login", (c) =>
    c.html(
      page(
        "Sign in",
        html`<form method="post"><input type="hidden" name="redirect_to" value="${c.req.query("redirect_to") ?? "/"}">
      <label>Username <input name="user_name" autofocus></label> <label>Password <input name="password" type="password"></label>
      <button>Sign in</button></form>`,
      ),
    ),
  );

  app.post("/user/login", async (c) => {
    const form = await c.req.formData();
    const field = (name: string) => String(form.get(name) ?? "");
    const account = await signInByPassword(world, field("user_name"), field("password"));
    if (account === null || !account.isActive)
      return c.html(page("Sign in", html`<p>Username or password is incorrect.`));
    const session = randomUUID();
    sessions.set(session, account.id);
    setCookie(c, cookieName, session, { path: "/", httpOnly: true, sameSite: "Lax" });
    const target = field("redirect_to");
    return c.redirect(/^\/(?![/\\])/.test(target) ? target : "/", 303);
  });

  app.get("/", async (c) => {
    const who = await visitor(getCookie(c, cookieName), c.req.header("authorization"));
    const seen = world.repositories.all().filter((row) => rightsOn(world, row, who).canSee);
    const names = seen.map((row) => `${world.accounts.get(row.ownerId)?.name ?? ""}/${row.name}`);
    const links = names.map((name) => html`<li><a href="/${name}">${name}</a></li>`);
    return c.html(page("Repositories", html`<ul>${links}</ul>${who ? who.name : signInLink("/")}`));
  });

  app.get("/:owner/:repo", async (c) => {
    const who = await visitor(getCookie(c, cookieName), c.req.header("authorization"));
    const owner = accountByName(world, param(c, "owner"));
    const row = owner && repositoryByName(world, owner.id, param(c, "repo"));
    if (owner === undefined || row === undefined || !rightsOn(world, row, who).canSee) {
      return c.html(page("Page Not Found", signInLink(c.req.path)), 404);
    }
    const dir = repositoryDir(world, row);
    const head = row.isEmpty ? undefined : await resolveCommit(dir, row.defaultBranch);
    const names = head === undefined ? [] : (await listTree(dir, head)).map((entry) => entry.path);
    const list =
      head === undefined
        ? html`<p>This repository is empty.`
        : html`<ul>${names.map((name) => html`<li>${name}</li>`)}</ul>`;
    return c.html(page(`${owner.name}/${row.name}`, html`<p>${row.description}</p>${list}`));
  });

  return app;
}

function signInLink(path: string) {
  return html`<p><a href="/user/login?redirect_to=${encodeURIComponent(path)}">Sign in</a>`;
}

function page(title: string, content: ReturnType<typeof html>) {
  return html`<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${content}</html>`;
}
