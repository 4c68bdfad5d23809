import { html } from "hono/html";
import type { Content } from "../content.ts";
import type { Job } from "../jobs.ts";
import type { Form } from "./form.ts";
import { type Html, text } from "./layout.ts";

/** How far a job is; the section asks for itself again until the job is over. */
export function progress(job: Job<Content>, form: Form): Html {
  const { state, phase, done, total, trouble } = job;
  if (state === "failed" || state === "stopped") {
    const sentence = trouble ?? "Stopped: nothing new was begun.";
    return html`<section id="job" aria-label="Progress" data-says="${text(sentence, 300)}">
      <p class="notice ${state === "failed" ? "bad" : "warn"}" role="alert">${text(sentence)}</p>
      <p><a href="/letters">All dead letters</a></p>
    </section>`;
  }
  const figures = total > 0 ? `: ${done.toLocaleString("en")} of ${total.toLocaleString("en")}` : "";
  const bar =
    total > 0
      ? html`<progress max="${total}" value="${Math.min(done, total)}" aria-label="${phase}"></progress>`
      : html`<progress aria-label="${phase}"></progress>`;
  return html`<section id="job" data-refresh="400" aria-label="Progress" data-says="${phase}">
    <p>${phase.slice(0, 1).toUpperCase()}${phase.slice(1)}${figures}</p>
    ${bar}
    ${form({ action: `/jobs/${job.id}/stop` }, html`<button id="stop">Stop</button>`)}
  </section>`;
}
