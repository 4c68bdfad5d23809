import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Stack } from "../stack.ts";
import { freePorts } from "./free-ports.ts";
import { findOrInstallHub, HUB_FOLDER, type HubPrograms } from "./install-hub.ts";

/** It answers after 3 s on a quiet machine; a hub that looks for servers of its last life takes longer. */
const READY_WITHIN_MILLISECONDS = 90_000;

export type HubOptions = {
  /** Database, outbox, homes and log. The same folder again is the same hub. */
  dir: string;
  /** Where it sends events and asks for workspaces; undefined: without hubforge, to measure against. */
  hubforge?: Pick<Stack, "url" | "secret" | "hub"> | undefined;
  /** The LDAP_* variables, as the functions have them; without LDAP_URLS any name signs in. */
  directory: Record<string, string | undefined>;
  /** Where people go; a free port by default. */
  port?: number;
  /** HUBFORGE_HUB_* of infra/jupyterhub/local_hub_config.py, and whatever else its process should find. */
  environment?: Record<string, string>;
  say?: (line: string) => void;
};

export type RealHub = {
  /** Where people go. */
  url: string;
  /** The hub itself: `<apiUrl>/users`. */
  apiUrl: string;
  /** Of a service that may do everything. */
  token: string;
  dir: string;
  pid(): number;
  log(): string;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again, on the same ports and with what it had. */
  start(): Promise<void>;
};

/** A real JupyterHub on loopback, with its proxy and LDAPAuthenticator, set up by infra/jupyterhub/local_hub_config.py. */
export async function startHub(options: HubOptions): Promise<RealHub> {
  const programs = await findOrInstallHub(options.say ?? ((line) => process.stderr.write(`${line}\n`)));
  mkdirSync(join(options.dir, "homes"), { recursive: true });
  const [free = 0, api = 0, proxy = 0] = await freePorts(3);
  const ports = { public: options.port ?? free, api, proxy };
  const token = randomBytes(16).toString("hex");
  const env = environmentOf(options, { programs, ports, token });
  let child: ChildProcess | undefined;
  const hub: RealHub = {
    url: `http://127.0.0.1:${ports.public}`,
    apiUrl: `http://127.0.0.1:${ports.api}/hub/api`,
    token,
    dir: options.dir,
    pid: () => child?.pid ?? 0,
    log: () => readFileSync(join(options.dir, "hub.log"), "utf8"),
    stop: async (signal = "SIGTERM") => {
      if (child) await end(child, signal);
    },
    start: async () => {
      child = launch(options.dir, programs, env);
      await untilReady(hub, child);
    },
  };
  await hub.start();
  return hub;
}

type Given = { programs: HubPrograms; ports: { public: number; api: number; proxy: number }; token: string };

/** Only what a hub would have: nothing of the functions' secrets reaches the users' servers by its environment. */
function environmentOf(options: HubOptions, { programs, ports, token }: Given): Record<string, string> {
  const { HOME = "/", PATH = "", LANG = "C.UTF-8", TMPDIR } = process.env;
  const { dir, hubforge, directory } = options;
  const node = dirname(process.execPath); // the proxy begins with `#!/usr/bin/env node`
  const given: Record<string, string | undefined> = {
    HOME,
    LANG,
    TMPDIR,
    PATH: `${programs.bin}:${node}:${PATH}`,
    JUPYTERHUB_CRYPT_KEY: randomBytes(32).toString("hex"),
    CONFIGPROXY_AUTH_TOKEN: randomBytes(32).toString("hex"),
    ...directory,
    HUBFORGE_HUB_DIR: dir,
    HUBFORGE_HUB_PORT: String(ports.public),
    HUBFORGE_HUB_API_PORT: String(ports.api),
    HUBFORGE_HUB_PROXY_PORT: String(ports.proxy),
    HUBFORGE_HUB_PROXY: programs.proxy,
    HUBFORGE_HUB_TOKEN: token,
    ...(hubforge && {
      HUBFORGE_INGRESS_URL: hubforge.url,
      HUBFORGE_SECRET: hubforge.secret,
      HUBFORGE_HUB: hubforge.hub,
    }),
    ...options.environment,
  };
  return Object.fromEntries(Object.entries(given).flatMap(([name, value]) => (value ? [[name, value]] : [])));
}

/** The pid file is there for its name alone: it makes the hub's command line tell whose it is. */
function launch(dir: string, programs: HubPrograms, env: Record<string, string>): ChildProcess {
  const log = openSync(join(dir, "hub.log"), "a");
  const words = ["-f", join(HUB_FOLDER, "local_hub_config.py"), `--pid-file=${join(dir, "hub.pid")}`];
  // A process group of its own: Ctrl-C at the keyboard must reach us, and then the hub in the right order.
  return spawn(join(programs.bin, "jupyterhub"), words, { cwd: dir, env, detached: true, stdio: ["ignore", log, log] });
}

async function untilReady({ apiUrl, log }: RealHub, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MILLISECONDS;
  while (Date.now() < deadline && isRunning(child)) {
    const answer = await fetch(`${apiUrl}/`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(100);
  }
  await end(child, "SIGKILL");
  const words = log().trim().split("\n").slice(-5).join("\n");
  throw new Error(`JupyterHub did not start:\n${words}`);
}

const isRunning = (child: ChildProcess) => child.exitCode === null && child.signalCode === null;

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (!isRunning(child)) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await gone;
}
