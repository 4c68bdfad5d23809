import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";

/**
 * Who may come in. The page listens on loopback, where every program and every web site in the browser can knock:
 *
 * - the Host must be ours, or a name that somebody points at 127.0.0.1 would read the page (DNS rebinding);
 * - whatever changes something must say that it comes from our own page, by its Origin, by Sec-Fetch-Site where the browser
 *   sends that, and by a token that only our own page shows; and no Origin may be another's. Other ports of 127.0.0.1 count
 *   as the same site, so SameSite alone does not keep their forms out;
 * - the cookie is given for a key that only the terminal shows, once. The key travels in the URL's fragment, which no browser
 *   sends to anybody, and in one POST: what is left of it in a history or a scrollback opens nothing.
 */
export type Door = {
  /** A key that opens once, in the place of the one before. */
  newKey(): string;
  /** What every form of the page carries (pages/form.ts). */
  formToken: string;
  /** Host, Origin and Sec-Fetch-Site, on every request. */
  guard: MiddlewareHandler;
  /** The cookie, on everything that shows or does something. */
  isIn(c: Context): boolean;
  /** Gives the cookie for the key; false for a wrong or used one. */
  letIn(c: Context, key: string): boolean;
  /** Whether a form's field holds the token. */
  isOurs(token: unknown): boolean;
};

/** @param host `127.0.0.1:<port>`, known once the server listens */
export function createDoor(host: () => string): Door {
  const session = secret();
  const formToken = secret();
  let key: string | undefined;
  // Cookies know no ports: two consoles would take each other's.
  const cookie = () => `hubforge-console-${host().split(":").at(-1)}`;
  return {
    newKey: () => {
      key = secret();
      return key;
    },
    formToken,
    guard: async (c, next) => {
      if (c.req.header("host") !== host()) return c.text(`This is the console on http://${host()} only.`, 421);
      const isReading = c.req.method === "GET" || c.req.method === "HEAD";
      const origin = c.req.header("origin");
      const isOurOrigin = origin === undefined ? isReading : origin === `http://${host()}`;
      const site = c.req.header("sec-fetch-site");
      const isOurSite = isReading || site === undefined || site === "same-origin";
      if (!isOurOrigin || !isOurSite) return c.text("This request does not come from the console's own page.", 403);
      return await next();
    },
    isIn: (c) => isSame(getCookie(c, cookie()) ?? "", session),
    letIn: (c, offered) => {
      if (key === undefined || !isSame(offered, key)) return false;
      key = undefined;
      setCookie(c, cookie(), session, { httpOnly: true, sameSite: "Strict", path: "/" });
      return true;
    },
    isOurs: (token) => typeof token === "string" && isSame(token, formToken),
  };
}

function secret(): string {
  return randomBytes(32).toString("base64url");
}

/** In a time that tells nothing about where they differ. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => hash("sha256", text, "buffer");
  return timingSafeEqual(digest(one), digest(other));
}
