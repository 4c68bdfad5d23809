import { html } from "hono/html";
import type { Letter } from "../../letters/letter.ts";
import { hintOf } from "../../output/hint.ts";
import { letterFacts, personName, prettyJson, RAW_SHOWN } from "../../output/letter-views.ts";
import type { Target } from "../../target.ts";
import type { Journey } from "../../trace/follow-journey.ts";
import { keyOf } from "../choose-letters.ts";
import type { Form } from "./form.ts";
import { journeyView } from "./journey-view.ts";
import { type Html, text } from "./layout.ts";
import { when } from "./parts.ts";

export type LetterView = {
  target: Target;
  letter: Letter;
  /** The whole message, where memory kept it. */
  body: string | undefined;
  journey: { journey?: Journey | undefined; trouble?: string };
  form: Form;
};

/** Said by the page itself, in larger letters or by its buttons. */
const SAID_ELSEWHERE = new Set(["reason", "request", "next"]);

export function letterPage({ target, letter, body, journey, form }: LetterView): Html {
  const facts = letterFacts(letter, target).filter(([name]) => !SAID_ELSEWHERE.has(name));
  return html`<p class="back"><a href="/letters">All dead letters</a></p>
    <div class="title">
      <h1>${text(personName(letter) ?? "A letter", 200)} <span class="faint">${text(letter.code, 200)}</span></h1>
      ${actions(letter, form)}
    </div>
    <p class="notice bad reason">${text(letter.reason)}</p>
    ${exchange(letter)}
    <section aria-labelledby="way">
      <h2 id="way">Journey</h2>
      ${way(journey)}
    </section>
    <section aria-labelledby="facts">
      <h2 id="facts">Facts</h2>
      <p class="faint">Failed ${when(letter.failedAt)}.</p>
      <dl class="facts">
        ${facts.map(
          ([name, value]) =>
            html`<div>
              <dt>${name}</dt>
              <dd>${text(value)}</dd>
            </div>`,
        )}
      </dl>
    </section>
    <section aria-labelledby="message">
      <h2 id="message">Message</h2>
      ${message({ target, letter, body })}
    </section>`;
}

function actions(letter: Letter, form: Form): Html {
  const plan = (verb: string, label: string, kind = "") =>
    html`<button class="${kind}" name="verb" value="${verb}">${label}</button>`;
  const isOurs = letter.envelope !== null;
  return form(
    { action: "/plans", kind: "actions" },
    html`<input type="hidden" name="key" value="${keyOf(letter)}" />
      ${isOurs ? plan("replay", "Plan a replay", "primary") : html`<span class="faint">Cannot be replayed.</span>`}
      ${plan("discard", "Plan a discard")}`,
  );
}

/** What was asked of Gitea, and what it answered. */
function exchange({ request }: Letter): Html {
  if (!request) return html``;
  const { method, path, status } = request;
  return html`<section aria-labelledby="request">
    <h2 id="request">Request and answer</h2>
    <p class="exchange"><code>${text(method, 20)} ${text(path, 500)}</code> <span aria-hidden="true">→</span> <code>${status ?? "no answer"}</code></p>
  </section>`;
}

function way({ journey, trouble }: LetterView["journey"]): Html {
  if (trouble !== undefined) return html`<p class="notice warn">The log could not be read: ${text(trouble)}</p>`;
  if (!journey) return html`<p class="empty">Nothing about this delivery is in the log.</p>`;
  return journeyView(journey);
}

function message({ target, letter, body }: Omit<LetterView, "journey" | "form">): Html {
  if (body === undefined) {
    const hint = hintOf(target, "dead-letters show", { words: [letter.id] });
    return html`<p>There were too many letters to keep this one whole; <code>${text(hint)}</code> shows it.</p>`;
  }
  const pretty = prettyJson(body);
  const shown = pretty
    .slice(0, RAW_SHOWN)
    .split("\n")
    .map((line) => text(line));
  const rest = pretty.length - RAW_SHOWN;
  return html`<pre tabindex="0" role="region" aria-label="The message as it lies on the queue">${shown.join("\n")}</pre>
    <p class="faint">
      ${rest > 0 ? `… ${rest.toLocaleString("en")} more characters. ` : ""}<a href="/letter/message?key=${keyOf(letter)}" download="letter-${keyOf(letter)}.txt">Save the whole message</a>
    </p>`;
}
