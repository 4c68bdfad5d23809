import { html } from "hono/html";
import { DEAD_LETTERS } from "#shared/pipeline.ts";
import { ago } from "../../output/times.ts";
import type { Snapshot } from "../snapshot.ts";
import type { Sample, WatchedQueue } from "../watch-queues.ts";
import { type Html, text } from "./layout.ts";

/** Every queue as it is now, and how it came to that while the console was open. */
export function queuesPage(queues: readonly WatchedQueue[], snapshot: Snapshot | undefined): Html {
  return html`<div class="title"><h1>Queues</h1></div>
    <section id="queues" data-refresh="2000" aria-label="Queues">
      <table class="queues stack">
        <caption class="unseen">
          Every queue, in the order of the journey
        </caption>
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col" class="number">Waiting</th>
            <th scope="col" class="number">In flight</th>
            <th scope="col" class="number">Delayed</th>
            <th scope="col">Age</th>
            <th scope="col">While this console is open</th>
          </tr>
        </thead>
        <tbody>
          ${queues.map((queue) => row(queue, snapshot))}
        </tbody>
      </table>
    </section>
    <p class="faint">
      <span class="key waiting">waiting</span> <span class="key held">in flight</span>. SQS counts approximately, and does
      not tell the age of its oldest message: “not empty” is what this console has seen itself.
    </p>`;
}

function row(queue: WatchedQueue, snapshot: Snapshot | undefined): Html {
  const { counts, samples } = queue;
  const number = (title: string, value: number | undefined) =>
    html`<td class="number ${value ? "some" : ""}" data-title="${title}">${value ?? "?"}</td>`;
  const name = queue.queue === DEAD_LETTERS ? html`<a href="/letters">${queue.queue}</a>` : queue.queue;
  return html`<tr class="${queue.queue === DEAD_LETTERS ? "dead" : ""}">
    <th scope="row">${name}</th>
    ${number("Waiting", counts?.waiting)} ${number("In flight", counts?.held)} ${number("Delayed", counts?.delayed)}
    <td data-title="Age">${text(ageOf(queue, snapshot), 200)}</td>
    <td class="drawing" data-title="" data-series="${JSON.stringify(turningPoints(samples))}">${described(samples)}</td>
  </tr>`;
}

/** `[at, waiting, held]` of each look but those in the midst of a level stretch: the lines are the same without them. */
function turningPoints(samples: readonly Sample[]): number[][] {
  const isLevel = (one: Sample, other: Sample | undefined) => other?.waiting === one.waiting && other.held === one.held;
  return samples
    .filter((one, index) => !isLevel(one, samples[index - 1]) || !isLevel(one, samples[index + 1]))
    .map(({ at, waiting, held }) => [at, waiting, held]);
}

function ageOf({ queue, trouble, notEmptySince }: WatchedQueue, snapshot: Snapshot | undefined): string {
  if (trouble !== undefined) return "cannot be read";
  if (notEmptySince === undefined) return "empty";
  const now = new Date();
  const oldest = queue === DEAD_LETTERS ? snapshot?.letters[0]?.failedAt : undefined;
  if (oldest !== undefined) return `oldest ${ago(oldest, now)}`;
  return `not empty for ${ago(new Date(notEmptySince).toISOString(), now).replace(/ ago$/, "")}`;
}

/** The drawing in words: its name for screen readers, and what stands there before it is drawn. */
function described(samples: readonly Sample[]): string {
  const [first] = samples;
  const last = samples.at(-1);
  if (!first || !last) return "nothing seen yet";
  const waiting = samples.map((sample) => sample.waiting);
  const held = samples.map((sample) => sample.held);
  const span = ago(new Date(first.at).toISOString(), new Date(last.at)).replace(/ ago$/, "");
  return `in ${span}: ${range(waiting)} waiting, now ${last.waiting}; ${range(held)} in flight, now ${last.held}`;
}

function range(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? String(least) : `${least} to ${most}`;
}
