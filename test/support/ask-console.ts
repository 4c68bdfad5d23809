import { request } from "node:http";
import { type RunningConsole, serveConsole } from "../../infra/ops/console/serve-console.ts";
import type { TestQueues } from "./queues.ts";

type Answer = { status: number; headers: Record<string, string | string[] | undefined>; text: string };
type Asked = { method?: string; headers?: Record<string, string>; body?: string };

/** A console of these queues, and somebody who has come in by its key. */
export type AskedConsole = {
  running: RunningConsole;
  host: string;
  /** The key that they came in by. */
  key: string;
  cookie: string;
  /** What every form of the page carries. */
  token: string;
  /** As any program can: fetch would set Host and Origin by itself. `""` leaves a header out. */
  ask(path: string, asked?: Asked): Promise<Answer>;
  /** A page, with the cookie. */
  show(path: string): Promise<string>;
  /** A form, with the cookie and the token. */
  post(path: string, body: string): Promise<Answer>;
};

export const FORM = { "content-type": "application/x-www-form-urlencoded" };

export async function openConsole(queues: TestQueues): Promise<AskedConsole> {
  const environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint };
  const running = await serveConsole({ name: "a test", environment, logs: { file: "/dev/null" } }, 0);
  const url = new URL(running.newUrl());
  const key = url.hash.slice(1);
  const ask = askAt(url);
  const { headers: given } = await ask("/session", { method: "POST", body: key });
  const cookie = String(given["set-cookie"]).split(";")[0] ?? "";
  const show = async (path: string) => (await ask(path, { headers: { cookie } })).text;
  const token = /name="token" value="([\w-]{43})"/.exec(await show("/letters"))?.[1] ?? "no token";
  const post = (path: string, body: string) =>
    ask(path, { method: "POST", headers: { cookie, ...FORM }, body: `token=${token}&${body}` });
  return { running, host: url.host, key, cookie, token, ask, show, post };
}

const askAt =
  ({ host, port }: URL) =>
  (path: string, { method = "GET", headers = {}, body }: Asked = {}): Promise<Answer> => {
    const origin = method === "GET" ? {} : { origin: `http://${host}` };
    const all = Object.entries({ host, ...origin, ...headers }).filter(([, value]) => value !== "");
    const options = { host: "127.0.0.1", port, path, method, agent: false as const };
    return new Promise((resolve, reject) => {
      const asking = request({ ...options, headers: Object.fromEntries(all) }, async (answer) => {
        const text = (await answer.setEncoding("utf8").toArray()).join("");
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
      });
      asking.on("error", reject).end(body);
    });
  };
