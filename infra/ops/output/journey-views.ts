import type { Journey } from "../trace/follow-journey.ts";
import type { LogLine } from "../trace/log-line.ts";
import type { Column } from "./table.ts";
import { absolute } from "./times.ts";

export function journeyColumns({ lines }: Journey): Column<LogLine>[] {
  const start = Date.parse(lines[0]?.time ?? "");
  const after = (time: string) => `${((Date.parse(time) - start) / 1000).toFixed(2)} s`;
  return [
    { title: "AFTER", text: ({ time }) => after(time), isNumber: true },
    { title: "EVENT", text: ({ event, stage }) => (event.startsWith("stage.") ? `${stage} ${event.slice(6)}` : event) },
    { title: "TRY", text: ({ attempt }) => (attempt === undefined ? "" : String(attempt)), isNumber: true },
    { title: "REPLAY", text: ({ replay }) => (replay ? String(replay) : ""), isNumber: true },
    {
      title: "TOOK",
      text: ({ milliseconds }) => (milliseconds === undefined ? "" : `${milliseconds} ms`),
      isNumber: true,
    },
    { title: "GITEA", text: gitea, isNumber: true },
    { title: "", text: detail, isFlexible: true },
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

export function journeyEnd({ state, person }: Journey): string {
  if (state.is === "done") {
    return `done after ${state.seconds.toFixed(1)} s, with ${state.giteaRequests} Gitea requests, ${state.giteaWrites} of them writes`;
  }
  if (state.is === "dead-letter") {
    const where = state.failureId ? ` ${state.failureId}` : ` --user ${person}`;
    return `a dead letter: ${state.stage}: ${state.code}: ${state.reason}\nnext: hubforge dead-letters show${where}`;
  }
  if (state.is === "waiting") {
    const when = state.retryInSeconds === undefined ? "" : ` (${state.retryInSeconds} s after that line)`;
    return `not done: ${state.stage} tries again${when}: ${state.code}: ${state.reason}`;
  }
  if (state.is === "left-to-sync") {
    return `not done: ${state.stage}: ${state.code}: ${state.reason}\nnext: mend that; the sync's next run asks again by itself`;
  }
  return `under way${state.next ? ` to ${state.next}` : ""}: nothing has been logged since`;
}
