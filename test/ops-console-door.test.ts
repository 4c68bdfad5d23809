import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AskedConsole, FORM, openConsole } from "./support/ask-console.ts";
import { startQueues, type TestQueues } from "./support/queues.ts";

let queues: TestQueues;
let open: AskedConsole;
let cookie: string;
let token: string;
beforeAll(async () => {
  queues = await startQueues();
  open = await openConsole(queues);
  ({ cookie, token } = open);
});
afterAll(async () => {
  await open.running.stop();
  await queues.stop();
});

const ask: AskedConsole["ask"] = (...asked) => open.ask(...asked);
const freshKey = () => new URL(open.running.newUrl()).hash.slice(1);

describe("the console's door", () => {
  it("listens on 127.0.0.1 only, and prints a key that is in no request line", () => {
    expect(open.running.newUrl()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#[\w-]{43}$/);
  });

  it("gives a cookie for the key that no script and no other site can use", async () => {
    const another = freshKey();
    const answer = await ask("/session", { method: "POST", body: another });
    expect(answer.status).toBe(204);
    expect(String(answer.headers["set-cookie"])).toMatch(
      /^hubforge-console-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    expect(String(answer.headers["set-cookie"])).not.toContain(another);
  });

  it("takes a key once, and none but the latest", async () => {
    const offer = async (body: string) => (await ask("/session", { method: "POST", body })).status;
    expect(await offer(open.key)).toBe(403);
    const [former, latest] = [freshKey(), freshKey()];
    expect(await offer(former)).toBe(403);
    expect(await offer(latest)).toBe(204);
    const used = await ask("/session", { method: "POST", body: latest });
    expect([used.status, used.headers["set-cookie"]]).toEqual([403, undefined]);
    expect(used.text).toContain("each works once. Press Enter");
    expect((await ask("/", { headers: { cookie } })).status).toBe(200);
  });

  it("gives none for another key", async () => {
    const key = freshKey();
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
      expect((await ask(path, { method: "POST", headers: FORM, body: "all=yes&verb=discard" })).status).toBe(401);
    },
  );

  it.each(["localhost", "evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example"])(
    "answers nobody who calls it %s (DNS rebinding)",
    async (name) => {
      for (const path of ["/", "/letters", "/console.js"]) {
        const { status, text } = await ask(path, { headers: { host: name, cookie } });
        expect([status, text.includes("a test")]).toEqual([421, false]);
      }
      const answer = await ask("/session", { method: "POST", headers: { host: name }, body: freshKey() });
      expect([answer.status, answer.headers["set-cookie"]]).toEqual([421, undefined]);
    },
  );

  it.each(["", "null", "http://evil.example", "http://127.0.0.1:1", "https://127.0.0.1", "http://localhost"])(
    "does nothing for the origin %j, cookie or not (CSRF)",
    async (origin) => {
      for (const path of ["/session", "/letters/read", "/plans", "/plans/1/execute", "/jobs/1/stop"]) {
        const answer = await ask(path, {
          method: "POST",
          headers: { origin, cookie, ...FORM },
          body: path === "/session" ? freshKey() : `token=${token}`,
        });
        expect([path, answer.status, answer.headers["set-cookie"]]).toEqual([path, 403, undefined]);
      }
      if (origin !== "") expect((await ask("/letters", { headers: { origin, cookie } })).status).toBe(403);
    },
  );

  it.each(["same-site", "cross-site", "none"])("does nothing for a form that the browser calls %s", async (site) => {
    for (const path of ["/session", "/letters/read", "/plans"]) {
      const headers = { cookie, ...FORM, "sec-fetch-site": site };
      const answer = await ask(path, { method: "POST", headers, body: `token=${token}&verb=replay` });
      expect([path, answer.status]).toEqual([path, 403]);
      expect(answer.text).toContain("does not come from the console's own page");
    }
    const headers = { cookie, ...FORM, "sec-fetch-site": "same-origin" };
    expect((await ask("/letters/read", { method: "POST", headers, body: `token=${token}` })).status).toBe(303);
  });

  it("does nothing for a form without the token of its own page", async () => {
    for (const wrong of [
      "",
      "token=",
      "token=x",
      `token=${token}x`,
      `tokn=${token}`,
      `token=${cookie.split("=")[1]}`,
    ]) {
      for (const path of ["/letters/read", "/plans", "/plans/1/execute", "/jobs/1/stop"]) {
        const answer = await ask(path, { method: "POST", headers: { cookie, ...FORM }, body: `${wrong}&verb=replay` });
        expect([path, answer.status]).toEqual([path, 403]);
        expect(answer.text).toContain("was not made by this console");
      }
    }
    expect(
      (await ask("/letters/read", { method: "POST", headers: { cookie, ...FORM }, body: `token=${token}` })).status,
    ).toBe(303);
  });

  it.each([
    ["without a boundary", "multipart/form-data"],
    ["cut short", "multipart/form-data; boundary=x"],
  ])("says that it cannot read a form %s", async (_, type) => {
    const body = '--x\r\ncontent-disposition: form-data; name="verb"\r\n\r\nreplay';
    const answer = await ask("/plans", { method: "POST", headers: { cookie, "content-type": type }, body });
    expect([answer.status, answer.text.includes("cannot be read: nothing was done")]).toEqual([400, true]);
  });

  it("forbids scripts and styles in the page, frames around it and copies of it", async () => {
    for (const path of ["/", "/letters", "/console.css", "/else"]) {
      const { headers } = await ask(path, { headers: { cookie } });
      expect(headers["content-security-policy"]).toBe(
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'",
      );
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
    expect((await ask("/plans", { method: "POST", headers: { cookie, ...FORM }, body })).status).toBe(413);
  });
});
