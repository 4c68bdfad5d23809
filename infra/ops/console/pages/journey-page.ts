import { html } from "hono/html";
import type { Journey } from "../../trace/follow-journey.ts";
import { journeyView } from "./journey-view.ts";
import { type Html, text } from "./layout.ts";

/** A question to the log, and its answer; it is asked again by itself while the delivery is under way. */
export function journeyPage(wanted: string, found: { journey?: Journey | undefined; trouble?: string }): Html {
  const { journey, trouble } = found;
  const isMoving = journey?.state.is === "under-way" || journey?.state.is === "waiting";
  return html`<div class="title"><h1>Journeys</h1></div>
    <form class="filter" method="get" action="/journey" role="search" aria-label="Journeys">
      <div class="search">
        <input
          type="search"
          name="of"
          value="${text(wanted)}"
          aria-label="A person, a delivery or a letter"
          placeholder="A person, a delivery or a letter"
        />
        <button class="primary">Follow</button>
      </div>
    </form>
    <section id="journey" aria-label="Journey" ${isMoving ? html`data-refresh="1000"` : ""}>
      ${trouble === undefined ? "" : html`<p class="notice bad" role="alert">${text(trouble)}</p>`}
      ${journey ? journeyView(journey) : nothing(wanted, trouble)}
    </section>`;
}

function nothing(wanted: string, trouble: string | undefined): Html {
  if (trouble !== undefined) return html``;
  if (wanted === "") return html`<p class="empty">The whole way of one delivery: stages, times, requests, outcome.</p>`;
  return html`<p class="empty">Nothing about ${text(wanted, 200)} was logged within the last day.</p>`;
}
