import { createHash } from "node:crypto";
import { Hono } from "hono";
import * as z from "zod";
import { readBody, text } from "./body.ts";
import { doerWith, type Env, siteAdmin } from "./door.ts";
import { accountOr404, param } from "./lookup.ts";
import { paged } from "./paging.ts";
import { invalid, json, noContent, notFound } from "./refusals.ts";
import type { Account, Key } from "./rows.ts";
import { accountView } from "./views.ts";
import { now, type World } from "./world.ts";

/** SSH keys of people: the key itself is unique over everybody. */
export function keys(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/users/:name/keys", (c) => {
    const doer = doerWith(c, "user");
    const account = accountOr404(c, param(c, "name"));
    const found = world.keys.all().filter((key) => key.accountId === account.id);
    const rows = paged(c, found, { family: "always" });
    return json(
      c,
      rows.map((key) => view(key, account, doer)),
    );
  });

  app.post("/admin/users/:name/keys", async (c) => {
    const doer = siteAdmin(c);
    const account = accountOr404(c, param(c, "name"));
    const form = await readBody(c, "CreateKeyOption", z.object({ title: text, key: text }));
    const material = /^ssh-(?:ed25519|rsa) ([A-Za-z0-9+/=]{40,})/.exec(form.key)?.[1];
    if (material === undefined) throw invalid("Invalid key content: invalid key format");
    if (world.keys.all().some((key) => key.key.includes(material))) {
      throw invalid("Key content has been used as non-deploy key");
    }
    if (world.keys.all().some((key) => key.accountId === account.id && key.title === form.title)) {
      throw invalid("Key title has been used");
    }
    const hash = createHash("sha256").update(Buffer.from(material, "base64")).digest("base64").replace(/=+$/, "");
    const fields = { title: form.title, key: form.key, fingerprint: `SHA256:${hash}`, createdAt: now() };
    return json(c, view(world.keys.insert({ accountId: account.id, ...fields }), account, doer), 201);
  });

  app.delete("/admin/users/:name/keys/:key", (c) => {
    siteAdmin(c);
    accountOr404(c, param(c, "name"));
    const key = world.keys.get(Number(param(c, "key")));
    if (key === undefined) throw notFound();
    world.keys.remove(key.id);
    return noContent(c);
  });

  function view(key: Key, account: Account, doer: Account | null): object {
    return {
      id: key.id,
      key: key.key,
      url: `${world.rootUrl}/api/v1/user/keys/${key.id}`,
      title: key.title,
      fingerprint: key.fingerprint,
      created_at: key.createdAt,
      last_used_at: key.createdAt,
      user: accountView(world, account, doer),
      key_type: "user",
    };
  }

  return app;
}
