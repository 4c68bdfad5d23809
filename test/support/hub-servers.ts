import { readdirSync, readFileSync } from "node:fs";
import type { RealHub } from "../../infra/local/hub/start-hub.ts";

export type UserServer = { pid: number; environment: Record<string, string> };

/** The processes of this hub's users: their environment names it. Looked up in /proc, so on Linux only. */
export function userServers({ apiUrl }: Pick<RealHub, "apiUrl">): UserServer[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), environment: environmentOf(name) }))
    .filter(({ environment }) => environment["JUPYTERHUB_API_URL"] === apiUrl);
}

function environmentOf(pid: string): Record<string, string> {
  try {
    const pairs = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    return Object.fromEntries(pairs.filter((pair) => pair.includes("=")).map((pair) => splitOnce(pair)));
  } catch {
    return {}; // gone, or somebody else's
  }
}

function splitOnce(pair: string): [string, string] {
  const at = pair.indexOf("=");
  return [pair.slice(0, at), pair.slice(at + 1)];
}

/** What a terminal in that person's server inherits. */
export function serverEnvironment(hub: Pick<RealHub, "apiUrl">, user: string, server = ""): Record<string, string> {
  const found = userServers(hub).find(
    ({ environment }) => environment["JUPYTERHUB_USER"] === user && environment["JUPYTERHUB_SERVER_NAME"] === server,
  );
  if (!found) throw new Error(`${user} has no server "${server}"`);
  return found.environment;
}

/** Servers that outlived their hub, and its proxy. */
export async function endServers(hub: Pick<RealHub, "apiUrl" | "dir">): Promise<void> {
  const pids = userServers(hub).map(({ pid }) => pid);
  const proxy = Number(readOrEmpty(`${hub.dir}/proxy.pid`));
  for (const pid of [...pids, ...(proxy > 1 && commandOf(proxy).includes("configurable-http-proxy") ? [proxy] : [])]) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // ended by itself meanwhile
    }
  }
}

const commandOf = (pid: number) => readOrEmpty(`/proc/${pid}/cmdline`);

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
