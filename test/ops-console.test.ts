import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningConsole, serveConsole } from "../infra/ops/console/serve-console.ts";
import { eventually } from "./support/eventually.ts";
import { letterOf, sendLetters } from "./support/letters.ts";
import { runOps } from "./support/ops.ts";
import { startQueues, type TestQueues } from "./support/queues.ts";

let queues: TestQueues;
let open: RunningConsole;
let host: string;
let key: string;
let cookie: string;
beforeAll(async () => {
  queues = await startQueues();
  const environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint };
  open = await serveConsole({ name: "a test", environment, logs: { file: "/dev/null" } }, 0);
  ({ host } = new URL(open.url));
  key = new URL(open.url).hash.slice(1);
  cookie = cookieOf(await ask("/session", { method: "POST", body: key }));
});
afterAll(async () => {
  await open.stop();
  await queues.stop();
});

type Answer = { status: number; headers: Record<string, string | string[] | undefined>; text: string };
type Asked = { method?: string; headers?: Record<string, string>; body?: string };

/** As any program can: fetch would set Host and Origin by itself. `""` leaves a header out. */
function ask(path: string, { method = "GET", headers = {}, body }: Asked = {}): Promise<Answer> {
  const origin = method === "GET" ? {} : { origin: `http://${host}` };
  const all = Object.entries({ host, ...origin, ...headers }).filter(([, value]) => value !== "");
  const options = { host: "127.0.0.1", port: new URL(`http://${host}`).port, path, method, agent: false as const };
  return new Promise((resolve, reject) => {
    const asking = request({ ...options, headers: Object.fromEntries(all) }, async (answer) => {
      const text = (await answer.setEncoding("utf8").toArray()).join("");
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
    });
    asking.on("error", reject).end(body);
  });
}
const cookieOf = ({ headers }: Answer) => String(headers["set-cookie"]).split(";")[0] ?? "";
const form = { "content-type": "application/x-www-form-urlencoded" };

describe("the console's door", () => {
  it("listens on 127.0.0.1 only, and prints a key that is in no request line", () => {
    expect(open.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#[\w-]{43}$/);
  });

  it("gives a cookie for the key that no script and no other site can use", async () => {
    const answer = await ask("/session", { method: "POST", body: key });
    expect(answer.status).toBe(204);
    expect(String(answer.headers["set-cookie"])).toMatch(
      /^hubforge-console-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    expect(cookie).not.toContain(key);
  });

  it("gives none for another key", async () => {
    for (const body of ["", "x", `${key}x`, key.slice(1), key.toLowerCase()]) {
      const answer = await ask("/session", { method: "POST", body });
      expect([answer.status, answer.headers["set-cookie"]]).toEqual([403, undefined]);
    }
  });

  it.each([
    "/",
    "/letters",
    "/letter?key=f1",
    "/letter/message?key=f1",
    "/weather",
    "/journey?of=ada",
    "/plans/1",
    "/runs/1",
    "/else",
  ])("shows nothing of %s without the cookie", async (path) => {
    for (const headers of [{}, { cookie: `${cookie}x` }, { cookie: `${cookie.split("=")[0]}=` }]) {
      const { status, text } = await ask(path, { headers });
      expect(status).toBe(401);
      expect(text).toContain("Open the whole address");
      expect(text).not.toContain("a test");
    }
  });

  it.each(["/plans", "/letters/read", "/plans/1/execute", "/jobs/1/stop"])(
    "does nothing at %s without the cookie",
    async (path) => {
      expect((await ask(path, { method: "POST", headers: form, body: "all=yes&verb=discard" })).status).toBe(401);
    },
  );

  it.each(["localhost", "evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example"])(
    "answers nobody who calls it %s (DNS rebinding)",
    async (name) => {
      for (const path of ["/", "/letters", "/console.js"]) {
        const { status, text } = await ask(path, { headers: { host: name, cookie } });
        expect([status, text.includes("a test")]).toEqual([421, false]);
      }
      const answer = await ask("/session", { method: "POST", headers: { host: name }, body: key });
      expect([answer.status, answer.headers["set-cookie"]]).toEqual([421, undefined]);
    },
  );

  it.each(["", "null", "http://evil.example", "http://127.0.0.1:1", "https://127.0.0.1", "http://localhost"])(
    "does nothing for the origin %j, cookie or not (CSRF)",
    async (origin) => {
      for (const path of ["/session", "/letters/read", "/plans", "/plans/1/execute", "/jobs/1/stop"]) {
        const answer = await ask(path, { method: "POST", headers: { origin, cookie, ...form }, body: key });
        expect([path, answer.status, answer.headers["set-cookie"]]).toEqual([path, 403, undefined]);
      }
      if (origin !== "") expect((await ask("/letters", { headers: { origin, cookie } })).status).toBe(403);
    },
  );

  it("forbids scripts and styles in the page, frames around it and copies of it", async () => {
    for (const path of ["/", "/letters", "/console.css", "/else"]) {
      const { headers } = await ask(path, { headers: { cookie } });
      const policy = String(headers["content-security-policy"]);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain("unsafe");
      expect(headers).toMatchObject({
        "x-frame-options": "DENY",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      });
      expect(headers["cross-origin-resource-policy"]).toBe("same-origin");
    }
  });

  it("takes no form beyond its size", async () => {
    const body = `key=${"x".repeat(300_000)}`;
    expect((await ask("/plans", { method: "POST", headers: { cookie, ...form }, body })).status).toBe(413);
  });
});

describe("hubforge console", () => {
  it("says what to do about a port that is taken, or is none", async () => {
    const environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint };
    const taken = await runOps(["console", "--port", new URL(`http://${host}`).port], { environment });
    expect([taken.code, taken.stderr]).toEqual([
      2,
      expect.stringMatching(/cannot listen on port \d+ .*: choose another by --port/),
    ]);
    const none = await runOps(["console", "--port", "99999"], { environment });
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('--port "99999" must be a whole number')]);
  });

  it("ends with 0 when nothing is going on, and answers nobody any more", async () => {
    const environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint };
    const ending = AbortSignal.timeout(500);
    const { code, lines } = await runOps(["console"], { environment, signal: ending });
    expect(code).toBe(0);
    const { url } = JSON.parse(lines[0] ?? "");
    await expect(fetch(url)).rejects.toThrow("fetch failed");
  });
});

describe("the console's pages", () => {
  const show = async (path: string) => (await ask(path, { headers: { cookie } })).text;

  it("have the command's filters, and say what is wrong with one", async () => {
    await sendLetters(queues, [
      letterOf("ada"),
      letterOf("bob", { code: "gitea.refused", stage: "repository", failureId: "f-of-bob" }),
      "no letter",
    ]);
    await eventually(() => show("/letters")).toContain("3 of 3 letters");
    for (const query of [
      "user=BOB",
      "stage=repository",
      "code=gitea.*",
      "id=f-of-b",
      "q=REPOSITORY+bob",
      "until=2026-11-24&user=bob",
    ]) {
      const text = await show(`/letters?${query}`);
      expect([query, text.includes("1 of 3 letters"), text.includes(">bob</a>")]).toEqual([query, true, true]);
    }
    expect(await show("/letters?limit=2")).toContain("2 of 3 letters");
    expect(await show("/letters?class=unknown")).toContain("nobody known");
    const wrong = await ask("/letters?stage=repositry", { headers: { cookie } });
    expect(wrong.status).toBe(400);
    expect(wrong.text).toContain("(did you mean repository?)");
    expect(wrong.text).not.toContain("Plan a replay");
    const misspelt = await ask("/letters?usr=bob", { headers: { cookie } });
    expect([misspelt.status, misspelt.text.includes("(did you mean user?)")]).toEqual([400, true]);
    const all = await ask("/plans?stge=team", { method: "POST", headers: { cookie, ...form }, body: "all=yes" });
    expect([all.status, all.headers["location"]]).toEqual([400, undefined]);
    expect((await ask("/letters?id=,abc", { headers: { cookie } })).status).toBe(400);
  });

  it("show every queue, the net behind the stages as well", async () => {
    const page = await show("/");
    for (const name of ["identity", "departures", "crashed"]) expect(page).toContain(`<th scope="row">${name}</th>`);
  });

  it("hold no letter once they are shown: the command sees them all", async () => {
    const environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint };
    const { lines, stderr } = await runOps(["dead-letters", "list"], { environment });
    expect([lines.length, stderr]).toEqual([3, "3 of 3 letters on the queues of QUEUE_URL_*\n"]);
  });

  it("refuse a plan of nothing, a wrong count and a plan that is forgotten", async () => {
    const post = (path: string, body: string) => ask(path, { method: "POST", headers: { cookie, ...form }, body });
    expect((await post("/plans", "verb=replay")).text).toContain("No letter is selected");
    expect((await post("/plans/none/execute", "typed=1")).status).toBe(404);
    const made = await post("/plans", "verb=discard&key=f-of-bob");
    expect(made.status).toBe(303);
    const place = String(made.headers["location"]);
    await expect.poll(() => show(place), { timeout: 15_000 }).toContain("discard <strong>1 letter</strong>");
    for (const typed of ["", "2", "yes"]) {
      const refused = await post(`${place}/execute`, `typed=${typed}`);
      expect([refused.status, refused.text.includes("Nothing was done")]).toEqual([400, true]);
    }
    expect(queues.messagesIn("dead-letters")).toHaveLength(3);
  });
});
