import { html } from "hono/html";
import { personName } from "../../output/letter-views.ts";
import { OUTCOMES } from "../../output/replay-views.ts";
import type { Execution, RunResult } from "../content.ts";
import { isOpen, type Job } from "../jobs.ts";
import type { Form } from "./form.ts";
import { type Html, text } from "./layout.ts";
import { progress } from "./progress.ts";

const SHOWN = 200;

/** A plan being carried out, and what came of it. */
export function runPage(job: Job<Execution>, form: Form): Html {
  const { verb, results } = job.content;
  const isOver = !isOpen(job);
  return html`<p class="back"><a href="/letters">All dead letters</a></p>
    <div class="title"><h1>${verb === "replay" ? "Replay" : "Discard"}</h1></div>
    ${isOver && results.length > 0 ? over(job) : progress(job, form)}`;
}

const ORDER = ["failed", "letter-left", "skipped", "replayed", "discarded"] as const;

function over(job: Job<Execution>): Html {
  const { verb, results } = job.content;
  const counts = ORDER.flatMap((outcome) => {
    const number = results.filter((result) => result.outcome === outcome).length;
    return number > 0 ? [`${number.toLocaleString("en")} ${wordOf(outcome, verb)}`] : [];
  });
  const isDone = results.every(({ outcome }) => outcome === "replayed" || outcome === "discarded");
  const sorted = results.toSorted((one, other) => ORDER.indexOf(one.outcome) - ORDER.indexOf(other.outcome));
  const rest = results.length - SHOWN;
  return html`<section id="job" aria-label="Results" data-says="${counts.join("; ")}">
    <p class="notice ${isDone ? "good" : "bad"}">${counts.join("; ")}</p>
    ${job.trouble === undefined ? "" : html`<p class="notice bad" role="alert">${text(job.trouble)}</p>`}
    ${isDone ? "" : html`<p>What was not done is still a letter: plan it again.</p>`}
    <ul class="letters" aria-label="Results">
      ${sorted.slice(0, SHOWN).map((result) => row(result, verb))}
    </ul>
    ${rest > 0 ? html`<p class="faint">… and ${rest.toLocaleString("en")} more.</p>` : ""}
  </section>`;
}

function row({ letter, outcome, reason }: RunResult, verb: Execution["verb"]): Html {
  const person = text(personName(letter) ?? letter.id, 200);
  const { delivery } = letter.envelope ?? {};
  const isSent = outcome === "replayed" || outcome === "letter-left";
  const journey =
    delivery && isSent
      ? html`<a href="/journey?of=${encodeURIComponent(delivery.id.toWellFormed())}">Follow its journey</a>`
      : "";
  return html`<li class="result ${isSent || outcome === "discarded" ? "" : "bad"}">
    <strong>${person}</strong>
    <span>${wordOf(outcome, verb)}${reason === undefined ? "" : html`: ${text(reason, 300)}`}</span>
    ${journey}
  </li>`;
}

function wordOf(outcome: RunResult["outcome"], verb: Execution["verb"]): string {
  if (verb === "discard")
    return { discarded: "discarded", failed: "not discarded", skipped: "not begun" }[outcome as string] ?? outcome;
  return outcome === "discarded" ? outcome : OUTCOMES[outcome];
}
