import { html } from "hono/html";
import type { GiteaState } from "../watch-gitea.ts";
import type { WatchedQueue } from "../watch-queues.ts";
import { type Html, text } from "./layout.ts";

const SHOWN = 3;

/** What cannot be reached right now, in plain words; nothing while all is well. */
export function weather(queues: readonly WatchedQueue[], gitea: GiteaState): Html {
  const troubles = [...new Set(queues.flatMap(({ trouble }) => trouble ?? []))];
  const more = troubles.length - SHOWN;
  const lines = [
    ...troubles.slice(0, SHOWN).map((trouble) => `Queues: ${trouble}`),
    ...(more > 0 ? [`Queues: and ${more} more that cannot be read`] : []),
    ...(gitea.is === "trouble" ? [`Gitea: ${gitea.text}`] : []),
  ];
  if (lines.length === 0) return html``;
  return html`<ul class="notices">
    ${lines.map((line) => html`<li class="notice bad">${text(line, 600)}</li>`)}
  </ul>`;
}
