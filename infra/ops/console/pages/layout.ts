import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import { inert } from "../../output/inert.ts";

/** Markup whose values are escaped: what `hono/html` makes of a template. */
export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** What letters and logs say is strangers' text: inert as in the terminal, then escaped by `html`. */
export const text = (value: string, maximum?: number): string => inert(value, maximum);

export type Frame = {
  title: string;
  /** Which hubforge, e.g. `the local stack on …`. */
  where: string;
  /** The part of the console that is open. */
  here: "queues" | "letters" | "journeys";
  weather: Html;
};

const PARTS = [
  { name: "queues", title: "Queues", path: "/" },
  { name: "letters", title: "Dead letters", path: "/letters" },
  { name: "journeys", title: "Journeys", path: "/journey" },
] as const;

/** A whole page. */
export function page({ title, where, here, weather }: Frame, main: Html): Html {
  const links = PARTS.map(
    ({ name, title: label, path }) =>
      html`<a href="${path}" ${name === here ? html`aria-current="page"` : ""}>${label}</a>`,
  );
  return document(
    `${title} · hubforge`,
    html`<a class="skip" href="#main">Skip to content</a>
      <header class="top">
        <p class="brand">hubforge</p>
        <p class="where">${text(where)}</p>
        <nav aria-label="Console">${links}</nav>
      </header>
      <p id="gone" class="notice bad" role="status" hidden></p>
      <div role="status"><div id="weather" data-refresh="3000" data-from="/weather">${weather}</div></div>
      <main id="main" tabindex="-1">${main}</main>
      <p id="announce" class="unseen" role="status"></p>`,
  );
}

/** What somebody without the cookie sees; the script turns the key in the address into one. */
export function signInPage(): Html {
  return document(
    "hubforge console",
    html`<header class="top"><p class="brand">hubforge</p></header>
      <main id="main" class="sign-in">
        <h1>Console</h1>
        <p id="sign-in" role="status">
          Open the whole address that <code>hubforge console</code> printed: it ends with the key to this page.
        </p>
      </main>`,
  );
}

/** A sentence in the place of what was asked for. */
export function notice(sentence: string): Html {
  return html`<h1>hubforge console</h1>
    <p class="notice bad" role="alert">${text(sentence)}</p>
    <p><a href="/letters">All dead letters</a></p>`;
}

function document(title: string, body: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${text(title)}</title>
        <link rel="stylesheet" href="/console.css" />
        <link rel="icon" href="/icon.svg" />
        <script type="module" src="/console.js"></script>
      </head>
      <body>
        ${body}
      </body>
    </html>`;
}
