import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import * as z from "zod";
import { giteaApp } from "./app.ts";
import { type CrashState, setCrashState } from "./crash-states.ts";
import { createFaults, type Faults, type LoggedRequest } from "./faults.ts";
import { blankAccount } from "./ldap-sign-in.ts";
import { defaultSwitches, type Switches } from "./switches.ts";
import { mintToken } from "./tokens.ts";
import { accountByName, digest, type LdapSource, openWorld, type World } from "./world.ts";

export interface GiteaOptions {
  /** Rows, repositories and the service account's secrets; the same directory again is the same Gitea. */
  dir: string;
  /** 0 or nothing: any free port. */
  port?: number;
  /** Without it there is a source of id 1 whose server is down. */
  ldap?: LdapSource;
  /** The site admin that exists from the start; `svc` and `svc@example.org` if not given. */
  service?: { username?: string; email?: string };
  switches?: Partial<Switches>;
  /** `stopAt` then kills the process instead of one request; set by `main.ts`. */
  hasOwnProcess?: boolean;
}

export interface Gitea {
  url: string;
  /** All scopes, of the service account; the same after a restart on the same directory. */
  token: string;
  username: string;
  password: string;
  sourceId: number;
  faults: Faults;
  /** Every request since the start (or since it was emptied), except those below `/_lab`. */
  requests: LoggedRequest[];
  switches: Switches;
  setState(owner: string, repository: string, state: CrashState): Promise<boolean>;
  stop(): Promise<void>;
}

const serviceSchema = z.object({ username: z.string(), password: z.string(), token: z.string() });

/** Starts the stand-in on 127.0.0.1 and resolves when it answers. */
export async function startGitea(options: GiteaOptions): Promise<Gitea> {
  mkdirSync(options.dir, { recursive: true });
  const switches = { ...defaultSwitches(), ...options.switches };
  const world = openWorld(options.dir, { ldap: options.ldap, switches, hasOwnProcess: options.hasOwnProcess ?? false });
  const service = serviceAccount(world, options);
  const faults = createFaults();
  const requests: LoggedRequest[] = [];
  const app = giteaApp(world, faults, requests);
  const server = await new Promise<ReturnType<typeof serve>>((resolve, reject) => {
    const started = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: options.port ?? 0 }, () => resolve(started));
    started.on("error", reject);
  });
  world.rootUrl = `http://127.0.0.1:${portOf(server.address())}`;
  return {
    url: world.rootUrl,
    ...service,
    sourceId: world.sourceId,
    faults,
    requests,
    switches,
    setState: (owner, repository, state) => setCrashState(world, owner, repository, state),
    stop: () => stop(world, server),
  };
}

function portOf(address: string | AddressInfo | null): number {
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}

function serviceAccount(world: World, options: GiteaOptions): z.infer<typeof serviceSchema> {
  const file = join(options.dir, "service.json");
  if (existsSync(file)) return serviceSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  const username = options.service?.username ?? "svc";
  const password = randomBytes(12).toString("base64url");
  const account =
    accountByName(world, username) ??
    world.accounts.insert({
      ...blankAccount(username),
      email: options.service?.email ?? `${username}@example.org`,
      isAdmin: true,
    });
  world.accounts.change(account.id, { password: digest(password) });
  const { secret } = mintToken(world, account, "stand-in", ["all"]);
  const service = { username, password, token: secret };
  writeFileSync(file, JSON.stringify(service), { mode: 0o600 });
  return service;
}

async function stop(world: World, server: ReturnType<typeof serve>): Promise<void> {
  for (const [timer, settle] of world.queued) {
    clearTimeout(timer);
    settle();
  }
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
  world.journal.close();
}
