import type { Target } from "../target.ts";
import { beginningOf, type Journey } from "../trace/follow-journey.ts";
import type { LogLine } from "../trace/log-line.ts";
import { hintOf } from "./hint.ts";
import type { Column } from "./table.ts";
import { absolute } from "./times.ts";

export function journeyColumns({ lines }: Journey): Column<LogLine>[] {
  const after = (line: LogLine) => `${((Date.parse(line.time) - beginningOf(line, lines)) / 1000).toFixed(2)} s`;
  return [
    { title: "AFTER", text: after, isNumber: true },
    { title: "EVENT", text: ({ event, stage }) => (event.startsWith("stage.") ? `${stage} ${event.slice(6)}` : event) },
    { title: "TRY", text: ({ attempt }) => (attempt === undefined ? "" : String(attempt)), isNumber: true },
    { title: "REPLAY", text: ({ replay }) => (replay ? String(replay) : ""), isNumber: true },
    {
      title: "TOOK",
      text: ({ milliseconds }) => (milliseconds === undefined ? "" : `${milliseconds} ms`),
      isNumber: true,
    },
    { title: "GITEA", text: gitea, isNumber: true },
    { title: "", text: detail, isFlexible: true, isProse: true },
  ];
}

/** Requests, and how many of them wrote. */
function gitea({ giteaRequests, giteaWrites = 0 }: LogLine): string {
  if (giteaRequests === undefined) return "";
  return giteaWrites > 0 ? `${giteaRequests} (${giteaWrites} wrote)` : String(giteaRequests);
}

function detail({ code, reason, retryInSeconds, repository, commit, account, notices = [] }: LogLine): string {
  const failure = reason === undefined ? [] : [`${code}: ${reason}`];
  const again = retryInSeconds === undefined ? [] : [`again in ${retryInSeconds} s`];
  const made = [repository ?? account, commit?.slice(0, 10)].filter((word) => word !== undefined).join(" ");
  return [...again, ...failure, ...(made ? [made] : []), ...notices].join("; ");
}

export function journeyTitle({ delivery, person, hub, lines }: Journey): string {
  return `Delivery ${delivery} of ${person ?? "?"} (hub ${hub ?? "?"}), begun ${absolute(lines[0]?.time ?? "")}`;
}

/** How a journey stands, in words: the first of them apart, because a page shows it larger. */
export type Verdict = { tone: "good" | "warn" | "bad" | "open"; word: string; text: string };

export function verdictOf(state: Journey["state"]): Verdict {
  if (state.is === "done") {
    const requests = `${state.giteaRequests} Gitea requests, ${state.giteaWrites} of them writes`;
    const { number, secondsInAll = 0 } = state.replayed ?? {};
    const whole = `, ${secondsInAll.toFixed(1)} s after the delivery came in`;
    const replay = number === undefined ? "" : ` of replay ${number}${whole}`;
    return { tone: "good", word: "done", text: ` after ${state.seconds.toFixed(1)} s${replay}, with ${requests}` };
  }
  if (state.is === "under-way") {
    const text = `${state.next ? ` to ${state.next}` : ""}: nothing has been logged since`;
    return { tone: "open", word: "under way", text };
  }
  const why = `${state.code}: ${state.reason}`;
  if (state.is === "dead-letter") return { tone: "bad", word: "a dead letter", text: `: ${state.stage}: ${why}` };
  if (state.is === "left-to-sync") {
    const next = "mend that; the sync's next run asks again by itself";
    return { tone: "bad", word: "not done", text: `: ${state.stage}: ${why}; ${next}` };
  }
  const when = state.retryInSeconds === undefined ? "" : ` (${state.retryInSeconds} s after that line)`;
  return { tone: "warn", word: "not done", text: `: ${state.stage} tries again${when}: ${why}` };
}

/** The verdict, and for a dead letter the command that shows it. */
export function journeyEnd({ state, person = "" }: Journey, target: Pick<Target, "asked">): string[] {
  const { word, text } = verdictOf(state);
  if (state.is !== "dead-letter") return [word + text];
  const { failureId } = state;
  const which = failureId ? { words: [failureId] } : { options: { user: person } };
  return [word + text, `next: ${hintOf(target, "dead-letters show", which)}`];
}
