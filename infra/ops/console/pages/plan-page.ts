import { html } from "hono/html";
import { REPLAY_CONCURRENCY, REPLAY_RATE } from "../../letters/replay-letters.ts";
import { count } from "../../output/count.ts";
import { letterColumns } from "../../output/letter-views.ts";
import { GROUP_COLUMNS, sizeOf, stepColumns } from "../../output/replay-views.ts";
import type { Plan, Planning } from "../content.ts";
import { countOf } from "../desk.ts";
import type { Job } from "../jobs.ts";
import type { Form } from "./form.ts";
import type { Html } from "./layout.ts";
import { table, warningList } from "./parts.ts";
import { progress } from "./progress.ts";

const SHOWN = 50;

/** A plan being made, or made and waiting for somebody who confirms it. */
export function planPage(job: Job<Planning>, form: Form, trouble?: string): Html {
  const { verb, found } = job.content;
  const title = verb === "replay" ? "Plan of a replay" : "Plan of a discard";
  return html`<p class="back"><a href="/letters">All dead letters</a></p>
    <div class="title"><h1>${title}</h1></div>
    ${found && job.state === "done" ? made(found, confirmation(found, { id: job.id, form, trouble })) : progress(job, form)}`;
}

type Found = NonNullable<Planning["found"]>;

function made(found: Found, confirm: Html): Html {
  return html`<section id="job" data-says="The plan is ready." aria-label="Plan">
    <p class="summary">${summary(found)}</p>
    ${warningList(found.warnings)}
    ${countOf(found) === 0 ? html`<p class="empty">There is nothing to ${found.verb}.</p>` : confirm}
    ${tables(found)}
  </section>`;
}

function summary(found: Plan): Html {
  if (found.verb === "discard") {
    return html`Plan <code>${found.plan.hash}</code>: discard <strong>${count(found.plan.letters.length, "letter")}</strong>
      for good.`;
  }
  const { deliveries, people, letters } = sizeOf(found.plan);
  return html`Plan <code>${found.plan.hash}</code>: replay <strong>${deliveries}</strong> of ${people}, ${letters}.`;
}

type Confirming = { id: string; form: Form; trouble: string | undefined };

function confirmation(found: Found, { id, form, trouble }: Confirming): Html {
  const { verb, missing } = found;
  const number = String(countOf(found));
  return form(
    { action: `/plans/${id}/execute`, kind: "confirm" },
    html`${trouble === undefined ? "" : html`<p class="notice bad" role="alert">${trouble}</p>`}
    ${verb === "replay" ? replayFields(missing > 0) : ""}
    <div class="deed">
      <label
        >Type ${number} to ${verb} ${number}${verb === "discard" ? " for good" : ""}
        <input name="typed" required inputmode="numeric" autocomplete="off" data-wanted="${number}"
      /></label>
      <button class="${verb === "replay" ? "primary" : "danger"}">${verb === "replay" ? "Replay" : "Discard"}</button>
    </div>`,
  );
}

function replayFields(hasOtherReader: boolean): Html {
  return html`<div class="fields">
      <label>Why <input name="reason" maxlength="500" autocomplete="off" placeholder="Kept in the log" /></label>
      <label>Deliveries a second <input name="rate" value="${REPLAY_RATE}/s" autocomplete="off" /></label>
      <label>People at once <input name="concurrency" value="${REPLAY_CONCURRENCY}" inputmode="numeric" autocomplete="off" /></label>
    </div>
    ${
      hasOtherReader
        ? html`<label class="check"><input type="checkbox" name="anyway" value="yes" /> Also while another reader holds letters</label>`
        : ""
    }`;
}

function tables(found: Plan): Html {
  const now = new Date();
  if (found.verb === "discard") {
    const { letters } = found.plan;
    return html`<h2>Letters</h2>
      ${table("Letters to discard", letters.slice(0, SHOWN), letterColumns(now))} ${more(letters.length)}`;
  }
  const { groups, steps, unreplayable } = found.plan;
  const lost = unreplayable.slice(0, SHOWN);
  return html`${
    steps.length > 0
      ? html`<h2>By reason</h2>${table("By person, stage and reason", groups.slice(0, SHOWN), GROUP_COLUMNS)} ${more(groups.length)}
    <h2>In this order</h2>${table("Deliveries in the order in which they are sent", steps.slice(0, SHOWN), stepColumns(now))} ${more(steps.length)}`
      : ""
  }
    ${lost.length > 0 ? html`<h2>Not replayable</h2>${table("Letters without an envelope", lost, letterColumns(now))} ${more(unreplayable.length)}` : ""}`;
}

function more(number: number): Html {
  return number > SHOWN ? html`<p class="faint">… and ${(number - SHOWN).toLocaleString("en")} more.</p>` : html``;
}
