import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";

/**
 * Who may come in. The page listens on loopback, where every program and every web site in the browser can knock:
 *
 * - the Host must be ours, or a name that somebody points at 127.0.0.1 would read the page (DNS rebinding);
 * - whatever changes something must say that it comes from our own page by its Origin, and no Origin may be another's: other
 *   ports of 127.0.0.1 count as the same site, so SameSite alone does not keep their forms out;
 * - the cookie is given for the token that only the terminal shows. The token travels in the URL's fragment, which no browser
 *   sends to anybody, and in one POST.
 */
export type Door = {
  token: string;
  /** Host and Origin, on every request. */
  guard: MiddlewareHandler;
  /** The cookie, on everything that shows or does something. */
  isIn(c: Context): boolean;
  /** Gives the cookie for the token; false for a wrong one. */
  letIn(c: Context, token: string): boolean;
};

/** @param host `127.0.0.1:<port>`, known once the server listens */
export function createDoor(host: () => string): Door {
  const token = randomBytes(32).toString("base64url");
  const session = randomBytes(32).toString("base64url");
  // Cookies know no ports: two consoles would take each other's.
  const cookie = () => `hubforge-console-${host().split(":").at(-1)}`;
  return {
    token,
    guard: async (c, next) => {
      const { method } = c.req;
      const origin = c.req.header("origin");
      if (c.req.header("host") !== host()) return c.text(`This is the console on http://${host()} only.`, 421);
      const isReading = method === "GET" || method === "HEAD";
      const isOurs = origin === undefined ? isReading : origin === `http://${host()}`;
      if (!isOurs) return c.text("This request does not come from the console's own page.", 403);
      return await next();
    },
    isIn: (c) => isSame(getCookie(c, cookie()) ?? "", session),
    letIn: (c, offered) => {
      if (!isSame(offered, token)) return false;
      setCookie(c, cookie(), session, { httpOnly: true, sameSite: "Strict", path: "/" });
      return true;
    },
  };
}

/** In a time that tells nothing about where they differ. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => hash("sha256", text, "buffer");
  return timingSafeEqual(digest(one), digest(other));
}
