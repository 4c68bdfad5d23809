import type { Environment } from "#shared/config.ts";
import { type QueueState, readQueues } from "../read-queues.ts";
import type { OpsQueue } from "../target.ts";

/** How one queue was when somebody looked; `at` in milliseconds. */
export type Sample = { at: number; waiting: number; held: number };

export type WatchedQueue = QueueState & {
  /** Oldest first; a look that failed leaves a gap. */
  samples: readonly Sample[];
  /** Since then no look has found it empty. SQS itself does not tell how old its oldest message is. */
  notEmptySince?: number;
};

export type QueueWatch = { look(): Promise<WatchedQueue[]> };

/** Each look asks every queue: pages that look more often get the last answer. */
const EVERY_MILLISECONDS = 1_900;
/** A page says that a queue does not answer, rather than that it never comes. */
const PATIENCE_MILLISECONDS = 4_000;
/** Half an hour of looks every two seconds. */
const KEPT = 900;

/** Remembers what looks at the queues have found, for as long as the console is open. */
export function watchQueues(environment: Environment): QueueWatch {
  const history = new Map<OpsQueue, { samples: Sample[]; notEmptySince: number | undefined }>();
  let last: { at: number; answer: Promise<WatchedQueue[]> } | undefined;
  const ask = async () =>
    (await readQueues(environment, AbortSignal.timeout(PATIENCE_MILLISECONDS))).map((state) => remember(state));
  const remember = (state: QueueState): WatchedQueue => {
    const known = history.get(state.queue) ?? { samples: [], notEmptySince: undefined };
    history.set(state.queue, known);
    const { counts } = state;
    if (counts) {
      const at = Date.now();
      const isEmpty = counts.waiting + counts.held === 0;
      known.samples = [...known.samples, { at, waiting: counts.waiting, held: counts.held }].slice(-KEPT);
      known.notEmptySince = isEmpty ? undefined : (known.notEmptySince ?? at);
    }
    const { samples, notEmptySince } = known;
    return { ...state, samples, ...(notEmptySince === undefined ? {} : { notEmptySince }) };
  };
  return {
    look: async () => {
      if (!last || Date.now() - last.at > EVERY_MILLISECONDS) last = { at: Number.POSITIVE_INFINITY, answer: ask() };
      const asked = last; // one look at a time, and the next counted from its end
      const answer = await asked.answer;
      if (asked.at === Number.POSITIVE_INFINITY) asked.at = Date.now();
      return answer;
    },
  };
}
