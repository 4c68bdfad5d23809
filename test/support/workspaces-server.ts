import { serve } from "@hono/node-server";
import * as z from "zod";
import { log } from "#shared/log.ts";
import { createWorkspaces, type Outside } from "../../functions/workspaces/answer-workspace.ts";
import { connectWorkspaces } from "../../functions/workspaces/connect-workspaces.ts";
import { SECRETS, signedHeaders } from "./signed-event.ts";
import type { World } from "./world.ts";

const text = z.string().optional();
const AnswerBody = z.strictObject({
  ...{ state: text, cloneUrl: text, webUrl: text, fullName: text, email: text },
  ...{ username: text, password: text, account: text, tokenName: text },
  ...{ error: text, code: text, message: text, issues: z.array(z.unknown()).optional() },
});

/** One life of a server of a hub user; `sessions` are all live ones, by default this one alone. */
export type Asking = {
  user: string;
  server?: string;
  session?: string;
  sessions?: { server: string; session: string }[];
  hub?: "default" | "physics";
  /** When the hub listed its sessions and asked. */
  at?: Date;
};

export type Workspaces = Awaited<ReturnType<typeof startWorkspaces>>;

/** Workspaces on a port of its own, over `world`; `settings` change single variables, `outside` replaces its parts. */
export async function startWorkspaces(
  world: World,
  settings: Record<string, string | undefined> = {},
  outside: Partial<Outside> = {},
) {
  const app = createWorkspaces({
    webhookSecrets: async () => SECRETS,
    connect: () => connectWorkspaces({ ...world.environment, ...settings }),
    now: () => new Date(),
    log,
    ...outside,
  });
  const { promise: listening, resolve } = Promise.withResolvers<number>();
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => resolve(port));
  const url = `http://127.0.0.1:${await listening}/v1/workspaces`;
  return {
    url,
    /** What the hub asks for the start step of a server. */
    status: (asking: Asking | string) => ask(url, "workspace.status", asking),
    /** What the hub asks for a server's Git. */
    credentials: (asking: Asking | string) => ask(url, "workspace.credentials", asking),
    stop: () => void server.close(),
  };
}

async function ask(url: string, type: string, asking: Asking | string) {
  const { at = new Date(), ...data } = typeof asking === "string" ? { user: asking } : asking;
  const body = questionBody(type, data, at);
  return await postQuestion(url, body, signedHeaders(body, { at, secrets: SECRETS[data.hub ?? "default"] }));
}

/** A hub's question as JSON text. */
export function questionBody(type: string, asking: Omit<Asking, "at">, at = new Date()): string {
  const { server = "", session = `${asking.user}-1`, hub = "default" } = asking;
  const data = { sessions: [{ server, session }], ...asking, hub, server, session };
  return JSON.stringify({ type, timestamp: at.toISOString(), data });
}

export async function postQuestion(url: string, body: string, headers: Record<string, string>) {
  const response = await fetch(url, { method: "POST", body, headers });
  return { status: response.status, headers: response.headers, body: AnswerBody.parse(await response.json()) };
}

/** The tokens of an account, as its admin sees them. */
export async function tokensOf({ gitea }: World, account: string) {
  const basic = Buffer.from(`${gitea.username}:${gitea.password}`).toString("base64");
  const headers = { Authorization: `Basic ${basic}` };
  const response = await fetch(`${gitea.url}/api/v1/users/${account}/tokens?page=1&limit=50`, { headers });
  return Tokens.parse(await response.json());
}
const Tokens = z.array(z.object({ id: z.int(), name: z.string(), scopes: z.array(z.string()) }));
