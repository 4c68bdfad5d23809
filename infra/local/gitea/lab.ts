import { Hono } from "hono";
import * as z from "zod";
import { crashState, lookInside, setCrashState } from "./crash-states.ts";
import type { Env } from "./door.ts";
import { type Faults, faultRule, type LoggedRequest } from "./faults.ts";
import { switchesSchema } from "./switches.ts";
import type { World } from "./world.ts";

/** What a test in another process needs and no Gitea has: faults, the request log, switches and crash states. */
export function lab(world: World, faults: Faults, requests: LoggedRequest[]): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/faults", (c) => c.json(faults.list()));
  app.post("/faults", async (c) => {
    const rules = z.union([z.array(faultRule), faultRule]).parse(await c.req.json());
    for (const rule of Array.isArray(rules) ? rules : [rules]) faults.add(rule);
    return c.json(faults.list(), 201);
  });
  app.delete("/faults", (c) => {
    faults.clear();
    return c.body(null, 204);
  });

  app.get("/requests", (c) => {
    const writes = requests.filter((request) => request.method !== "GET" && request.method !== "HEAD").length;
    return c.json({ count: requests.length, writes, requests });
  });
  app.delete("/requests", (c) => {
    requests.splice(0);
    return c.body(null, 204);
  });

  app.get("/switches", (c) => c.json(world.switches));
  app.patch("/switches", async (c) => {
    const changes = switchesSchema.partial().parse(await c.req.json());
    Object.assign(world.switches, changes);
    return c.json(world.switches);
  });

  app.get("/repositories/:owner/:repo/state", async (c) => {
    const inside = await lookInside(world, c.req.param("owner"), c.req.param("repo"));
    return inside === null ? c.json({ message: "no such repository" }, 404) : c.json(inside);
  });
  app.put("/repositories/:owner/:repo/state", async (c) => {
    const { state } = z.object({ state: crashState }).parse(await c.req.json());
    const isSet = await setCrashState(world, c.req.param("owner"), c.req.param("repo"), state);
    return isSet ? c.body(null, 204) : c.json({ message: "no such repository" }, 404);
  });

  app.onError((error, c) => c.json({ message: error.message }, error instanceof z.ZodError ? 422 : 500));
  return app;
}
