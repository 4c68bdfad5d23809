import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context, MiddlewareHandler } from "hono";
import * as z from "zod";
import type { Env } from "./door.ts";
import { Stopped, wait } from "./switches.ts";
import { now } from "./world.ts";

/** One fault. What is asked for must match in full; what is done happens in the order delay, drop or answer. */
export const faultRule = z.object({
  method: z.string().optional(),
  /** A part of path and query, as sent. */
  path: z.string().optional(),
  /** The same as a regular expression. */
  pattern: z.string().optional(),
  /** Only requests with this Sudo. */
  sudo: z.string().optional(),
  /** The first matching request that is hit, counted from 1. */
  nth: z.number().int().positive().default(1),
  /** How many are hit from there on; `always` until cleared. */
  times: z.union([z.number().int().positive(), z.literal("always")]).default(1),
  delayMilliseconds: z.number().optional(),
  /** The effect happens, the answer comes this much later. */
  lateMilliseconds: z.number().optional(),
  /** The connection is cut before anything happens, or after it happened and instead of the answer. */
  drop: z.enum(["before", "after"]).optional(),
  /** The answer is cut after so many bytes of its body. */
  cutAfterBytes: z.number().optional(),
  /** Answers this without doing anything. */
  status: z.number().optional(),
  body: z.unknown().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  /** An HTML page as a proxy sends it. */
  html: z.boolean().optional(),
});
type FaultRule = z.input<typeof faultRule>;

export interface LoggedRequest {
  at: string;
  method: string;
  /** With the query, as sent. */
  path: string;
  /** 0: the connection was cut. */
  status: number;
  sudo: string | null;
  /** Who acted, after Sudo; null for nobody. */
  doer: string | null;
  milliseconds: number;
  isFault: boolean;
}

/** So that a stand-in that runs for days does not grow without bound. */
const mostRequests = 50_000;

export interface Faults {
  add(rule: FaultRule): void;
  clear(): void;
  list(): (z.infer<typeof faultRule> & { seen: number; hit: number })[];
  match(method: string, path: string, sudo: string | null): z.infer<typeof faultRule> | undefined;
}

export function createFaults(): Faults {
  const rules: (z.infer<typeof faultRule> & { seen: number; hit: number })[] = [];
  return {
    add: (rule) => void rules.push({ ...faultRule.parse(rule), seen: 0, hit: 0 }),
    clear: () => void rules.splice(0),
    list: () => rules.map((rule) => ({ ...rule })),
    match(method, path, sudo) {
      for (const rule of rules) {
        if (rule.method !== undefined && rule.method.toUpperCase() !== method) continue;
        if (rule.path !== undefined && !path.includes(rule.path)) continue;
        if (rule.pattern !== undefined && !new RegExp(rule.pattern).test(path)) continue;
        if (rule.sudo !== undefined && rule.sudo !== sudo) continue;
        rule.seen += 1;
        if (rule.seen < rule.nth || (rule.times !== "always" && rule.hit >= rule.times)) continue;
        rule.hit += 1;
        return rule;
      }
      return undefined;
    },
  };
}

/** The outermost middleware: logs every request outside `/_lab` and lets the rules act on it. */
export function faultyDoor(faults: Faults, requests: LoggedRequest[]): MiddlewareHandler<Env> {
  return async (c, next) => {
    if (c.req.path.startsWith("/_lab/")) return next();
    const startedAt = performance.now();
    const { pathname, search } = new URL(c.req.url);
    const path = pathname + search;
    const sudo = c.req.header("sudo") ?? c.req.query("sudo") ?? null;
    const rule = faults.match(c.req.method, path, sudo);
    const isCut = await act(c, next, rule);
    const doer = c.get("asker")?.account.name ?? null;
    const status = isCut ? 0 : c.res.status;
    const milliseconds = Math.round(performance.now() - startedAt);
    if (requests.length >= mostRequests) requests.shift();
    requests.push({
      at: now(),
      method: c.req.method,
      path,
      status,
      sudo,
      doer,
      milliseconds,
      isFault: rule !== undefined,
    });
  };
}

async function act(
  c: Context<Env>,
  next: () => Promise<void>,
  rule: z.infer<typeof faultRule> | undefined,
): Promise<boolean> {
  await wait(rule?.delayMilliseconds ?? 0);
  if (rule?.drop === "before") return cut(c);
  if (rule?.status !== undefined) c.res = fabricated(rule, rule.status);
  else await next();
  await wait(rule?.lateMilliseconds ?? 0);
  if (rule?.drop === "after" || c.error instanceof Stopped) return cut(c);
  if (rule?.cutAfterBytes !== undefined) return cutBody(c, rule.cutAfterBytes);
  return false;
}

function cut(c: Context<Env>): boolean {
  c.env.outgoing.destroy();
  // Emptied first: Hono would copy the headers of the old answer into a new one.
  c.res = undefined;
  c.res = RESPONSE_ALREADY_SENT;
  return true;
}

/** Headers promise the whole body, the connection ends within it. */
async function cutBody(c: Context<Env>, bytes: number): Promise<boolean> {
  const body = Buffer.from(await c.res.arrayBuffer());
  const headers = { ...Object.fromEntries(c.res.headers), "content-length": String(body.length) };
  const { outgoing } = c.env;
  outgoing.writeHead(c.res.status, headers);
  await new Promise<void>((resolve) => outgoing.write(body.subarray(0, bytes), () => resolve()));
  return cut(c);
}

function fabricated(rule: z.infer<typeof faultRule>, status: number): Response {
  const page = `<!DOCTYPE html><html><head><title>${status}</title></head><body><h1>${status}</h1><hr>proxy</body></html>\n`;
  if (rule.html) return new Response(page, { status, headers: { "content-type": "text/html", ...rule.headers } });
  const isText = typeof rule.body === "string";
  const headers = { "content-type": isText ? "text/plain" : "application/json;charset=utf-8", ...rule.headers };
  const isBodyless = status === 204 || status === 304;
  const body = isText
    ? String(rule.body)
    : rule.body === undefined
      ? JSON.stringify({ message: "fault" })
      : JSON.stringify(rule.body);
  return new Response(isBodyless ? null : body, { status, headers });
}
