import { html } from "hono/html";
import { RouteName } from "#shared/envelope.ts";
import { ROUTES } from "#shared/pipeline.ts";
import { journeyColumns, journeyTitle, verdictOf } from "../../output/journey-views.ts";
import type { Journey } from "../../trace/follow-journey.ts";
import type { LogLine } from "../../trace/log-line.ts";
import { type Html, text } from "./layout.ts";
import { table } from "./parts.ts";

/** One delivery's way: a drawing of its stages, how it stands, and every line that was logged. */
export function journeyView(journey: Journey): Html {
  return html`<p>${text(journeyTitle(journey))}</p>
    ${drawing(journey)}
    <p class="verdict">${verdict(journey)}</p>
    <details>
      <summary>Every line of the log</summary>
      ${table("What was logged", journey.lines, journeyColumns(journey))}
    </details>`;
}

type Mark = { is: "done" | "failed" | "waiting" | "open"; word: string; detail: string };

function drawing({ lines, state }: Journey): Html {
  const route = RouteName.safeParse(lines.findLast((line) => line.route !== undefined)?.route).data;
  if (!route) return html``;
  const replay = Math.max(...lines.map((line) => line.replay ?? 0));
  const latest = lines.filter((line) => (line.replay ?? 0) === replay);
  const marks = ROUTES[route].map((stage) => ({ stage, ...markOf(latest.filter((line) => line.stage === stage)) }));
  const name = `The way of this delivery${replay > 0 ? `, replay ${replay}` : ""}`;
  return html`<ol class="journey" aria-label="${name}">
    ${marks.map(
      ({ stage, is, word, detail }) =>
        html`<li class="${is}">
          <span class="stage">${stage}</span>
          <span class="word">${text(word, 60)}</span>
          <span class="faint">${text(detail, 120)}</span>
        </li>`,
    )}
    <li class="${state.is === "done" ? "done" : "open"}"><span class="stage">done</span></li>
  </ol>`;
}

function markOf(lines: readonly LogLine[]): Mark {
  const last = lines.at(-1);
  if (!last) return { is: "open", word: "not reached", detail: "" };
  const { event, outcome, code, milliseconds, giteaRequests = 0, attempt } = last;
  const tries = attempt !== undefined && attempt > 1 ? `try ${attempt}` : "";
  if (event === "stage.dead-lettered") return { is: "failed", word: "dead letter", detail: code ?? "" };
  if (event === "stage.left-to-sync") return { is: "failed", word: "left to the sync", detail: code ?? "" };
  if (event.startsWith("stage.")) return { is: "waiting", word: "tries again", detail: code ?? tries };
  const took = milliseconds === undefined ? [] : [`${milliseconds} ms`];
  const asked = giteaRequests > 0 ? [`${giteaRequests} × Gitea`] : [];
  return {
    is: "done",
    word: outcome ?? event.split(".").at(-1) ?? event,
    detail: [...took, ...asked, ...(tries ? [tries] : [])].join(" · "),
  };
}

function verdict({ state }: Journey): Html {
  const { tone, word, text: rest } = verdictOf(state);
  return html`<strong class="${tone}">${word.slice(0, 1).toUpperCase()}${word.slice(1)}</strong>${text(rest)}`;
}
