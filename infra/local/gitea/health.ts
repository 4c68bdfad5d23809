import { Hono } from "hono";
import { doerWith, type Env, signedIn } from "./door.ts";
import { defaultItems, maxItems, paged } from "./paging.ts";
import { json } from "./refusals.ts";
import { now } from "./world.ts";

/** The version whose recorded behaviour this is. */
const giteaVersion = "1.25.5";

/** What says that the server lives and how it is set. */
export function health(): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/version", (c) => json(c, { version: giteaVersion }));

  app.get("/settings/api", (c) => {
    doerWith(c, "misc");
    return json(c, {
      max_response_items: maxItems,
      default_paging_num: defaultItems,
      default_git_trees_per_page: 1000,
      default_max_blob_size: 10_485_760,
      default_max_response_size: 104_857_600,
    });
  });

  app.get("/settings/repository", (c) => {
    doerWith(c, "misc");
    return json(c, {
      mirrors_disabled: false,
      http_git_disabled: false,
      migrations_disabled: false,
      stars_disabled: false,
      time_tracking_disabled: false,
      lfs_disabled: true,
    });
  });

  app.get("/notifications", (c) => {
    signedIn(c, "notification");
    return json(c, paged(c, [], { family: "always" }));
  });

  return app;
}

/** `/api/healthz`, outside of the API's version. */
export function healthz(): object {
  const pass = [{ status: "pass", time: now() }];
  return { status: "pass", description: "test", checks: { "cache:ping": pass, "database:ping": pass } };
}
