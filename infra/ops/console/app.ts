import { readFileSync } from "node:fs";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { html } from "hono/html";
import { secureHeaders } from "hono/secure-headers";
import type { Desk } from "./desk.ts";
import type { Door } from "./door.ts";
import { journeyRoutes } from "./journey-routes.ts";
import { letterRoutes } from "./letter-routes.ts";
import { createForm, TOKEN_FIELD } from "./pages/form.ts";
import { type Frame, type Html, notice, page, signInPage } from "./pages/layout.ts";
import { queuesPage } from "./pages/queues-page.ts";
import { weather } from "./pages/weather.ts";
import { planRoutes } from "./plan-routes.ts";
import type { GiteaState } from "./watch-gitea.ts";
import type { QueueWatch } from "./watch-queues.ts";

export type ConsoleParts = { door: Door; desk: Desk; queues: QueueWatch; gitea: () => GiteaState };

/** Answers with a page in the console's frame. */
export type Show = (c: Context, frame: Pick<Frame, "title" | "here">, main: Html, status?: Status) => Promise<Response>;
type Status = 200 | 400 | 403 | 404 | 500;

/** What is served as a file, and the files that it is made of. */
const ASSETS = [
  { name: "console.css", type: "text/css", files: ["frame.css", "forms.css", "lists.css", "drawings.css"] },
  { name: "console.js", type: "text/javascript", files: ["console.js"] },
  { name: "drawing.js", type: "text/javascript", files: ["drawing.js"] },
  { name: "icon.svg", type: "image/svg+xml", files: ["icon.svg"] },
];
/** The largest form is a selection of 200 letters. */
const FORM_BYTES = 256 * 1024;

const NO_KEY =
  "This key does not open the console: each works once. Press Enter in the console's terminal for another.";
const REFUSED = { title: "Refused", here: "letters" } as const;
const UNREADABLE = "This form cannot be read: nothing was done.";
const NOT_OURS = "This form was not made by this console: open the page anew. Nothing was done.";

/** All that the console answers. Without the cookie that is its assets and the sign-in page. */
export function createApp({ door, desk, queues, gitea }: ConsoleParts): Hono {
  const app = new Hono();
  const where = desk.target.name;
  const weatherNow = async () => weather(await queues.look(), gitea());
  const show: Show = async (c, frame, main, status = 200) =>
    c.html(page({ ...frame, where, weather: await weatherNow() }, main), status);

  app.use(
    ...headers(),
    door.guard,
    bodyLimit({ maxSize: FORM_BYTES, onError: (c) => c.text("That is too much for one form.", 413) }),
  );
  serveAssets(app);
  app.post("/session", async (c) => {
    return door.letIn(c, await c.req.text()) ? c.body(null, 204) : c.text(NO_KEY, 403);
  });
  app.use(async (c, next) => (door.isIn(c) ? await next() : c.html(signInPage(), 401)));
  app.post("*", async (c, next) => {
    const fields = await c.req.parseBody().catch(() => undefined);
    if (!fields) return await show(c, REFUSED, notice(UNREADABLE), 400);
    return door.isOurs(fields[TOKEN_FIELD]) ? await next() : await show(c, REFUSED, notice(NOT_OURS), 403);
  });

  app.get("/", async (c) => {
    return await show(c, { title: "Queues", here: "queues" }, queuesPage(await queues.look(), desk.snapshot()));
  });
  app.get("/weather", async (c) => c.html(html`<div id="weather">${await weatherNow()}</div>`));
  const form = createForm(door.formToken);
  letterRoutes(app, { desk, queues, show, form });
  planRoutes(app, { desk, show, form });
  journeyRoutes(app, { desk, show });
  app.notFound(
    async (c) => await show(c, { title: "Nothing here", here: "queues" }, notice("There is no such page."), 404),
  );
  app.onError(async (error, c) => await show(c, { title: "Trouble", here: "queues" }, notice(error.message), 500));
  return app;
}

function headers(): MiddlewareHandler[] {
  const itself = ["'self'"];
  const secure = secureHeaders({
    contentSecurityPolicy: {
      ...{ defaultSrc: ["'none'"], baseUri: ["'none'"], frameAncestors: ["'none'"] },
      ...{ scriptSrc: itself, styleSrc: itself, imgSrc: itself, connectSrc: itself, formAction: itself },
    },
    xFrameOptions: "DENY",
    // Without a referrer a form's Origin would be "null".
    referrerPolicy: "same-origin",
    strictTransportSecurity: false,
  });
  // Letters name people: nothing is kept on disk.
  const unkept: MiddlewareHandler = async (c, next) => {
    await next();
    c.header("cache-control", "no-store");
  };
  return [secure, unkept];
}

function serveAssets(app: Hono): void {
  for (const { name, type, files } of ASSETS) {
    const content = files.map((file) => readFileSync(new URL(`assets/${file}`, import.meta.url), "utf8")).join("");
    app.get(`/${name}`, (c) => c.body(content, 200, { "content-type": `${type}; charset=utf-8` }));
  }
}
