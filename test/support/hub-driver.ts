import { execFile } from "node:child_process";
import { request } from "node:http";
import { join } from "node:path";
import * as z from "zod";
import type { RealHub } from "../../infra/local/hub/start-hub.ts";
import { patiently } from "./eventually.ts";
import { serverEnvironment } from "./hub-servers.ts";

const User = z.object({ servers: z.record(z.string(), z.object({ ready: z.boolean() })) });

export type GitRun = { code: number; out: string; error: string };
export type HubDriver = ReturnType<typeof hubDriver>;

/** What people and tests do with a hub: over its REST API, and with git as in a terminal of a server. */
export function hubDriver(hub: RealHub) {
  const call = async (
    method: string,
    path: string,
    { body, token = hub.token }: { body?: unknown; token?: string } = {},
  ) =>
    await fetch(`${hub.apiUrl}${path}`, {
      method,
      headers: { authorization: `token ${token}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const pathOf = (user: string, server = "") =>
    `/users/${encodeURIComponent(user)}/${server ? `servers/${server}` : "server"}`;
  const isReady = async (user: string, server = "") => {
    const answer = await call("GET", `/users/${encodeURIComponent(user)}`);
    return answer.ok && User.parse(await answer.json()).servers[server]?.ready === true;
  };
  const spawn = async (user: string, server = "", options: unknown = {}) =>
    (await call("POST", pathOf(user, server), { body: options })).status;
  return {
    call,
    isReady,
    spawn,
    add: async (...usernames: string[]) => void (await call("POST", "/users", { body: { usernames } })),
    /** Starts a server and waits until it is ready; a busy hub answers 202 first. */
    start: async (user: string, server = "") => {
      await spawn(user, server);
      await patiently(() => isReady(user, server)).toBe(true);
    },
    close: async (user: string, server = "") => {
      await call("DELETE", pathOf(user, server));
      await patiently(() => isReady(user, server)).toBe(false);
    },
    home: (user: string) => join(hub.dir, "homes", user),
    environment: (user: string, server = "") => serverEnvironment(hub, user, server),
  };
}

/** git in a terminal of that server: `environment` is the server's own. */
export function terminalGit(
  environment: Record<string, string>,
  cwd: string,
  words: string[],
  input = "",
): Promise<GitRun> {
  return new Promise((resolve) => {
    const child = execFile("git", words, { cwd, env: environment }, (error, out, errors) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, error: errors });
    });
    child.stdin?.on("error", () => undefined); // a git that reads nothing may be gone already
    child.stdin?.end(input);
  });
}

type Visit = { status: number; page: string; location: string };

/**
 * A browser as far as a login needs one: cookies, and the form's hidden field. Not `fetch`: it says `Sec-Fetch-Mode: cors`, to
 * which the hub sets no XSRF cookie, and then a login works only within the second in which its form was made.
 */
export async function signIn(hub: Pick<RealHub, "url">, username: string, password: string) {
  const cookies = new Map<string, string>();
  const visit = (path: string, form?: Record<string, string>): Promise<Visit> =>
    new Promise((resolve, reject) => {
      const headers = {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
        "sec-fetch-mode": "navigate",
        ...(form && { "content-type": "application/x-www-form-urlencoded" }),
      };
      const options = { method: form ? "POST" : "GET", headers };
      const sent = request(new URL(path, hub.url), options, async (answer) => {
        for (const line of answer.headers["set-cookie"] ?? []) {
          const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
          cookies.set(name, value);
        }
        const { statusCode: status = 0, headers: told } = answer;
        resolve({ status, page: (await answer.setEncoding("utf8").toArray()).join(""), location: told.location ?? "" });
      });
      sent.once("error", reject).end(form && new URLSearchParams(form).toString());
    });
  const { page } = await visit("/hub/login");
  const [, _xsrf = ""] = /name="_xsrf" value="([^"]+)"/.exec(page) ?? [];
  return { ...(await visit("/hub/login", { username, password, _xsrf })), visit };
}
