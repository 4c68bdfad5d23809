import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { why } from "#shared/why.ts";
import { Interrupted } from "../letters/interrupted.ts";

/** Something that takes its time; a page looks at it while it goes on. */
export type Job<Content> = {
  readonly id: string;
  /** What it is about, and what it has found: the work fills this in. */
  readonly content: Content;
  state: "waiting" | "working" | "done" | "failed" | "stopped";
  /** What is being done right now, for people. */
  phase: string;
  done: number;
  total: number;
  /** Why it failed, in one sentence. */
  trouble?: string;
  /** After this nothing new is begun. */
  stop(): void;
  readonly ended: Promise<void>;
};

type Work<Content> = (job: Job<Content>, signal: AbortSignal) => Promise<void>;

export type Jobs<Content> = {
  /** @throws where so much waits already that nobody can want more */
  begin<Some extends Content>(content: Some, work: Work<Some>): Job<Some>;
  find(id: string): Job<Content> | undefined;
  /** Nothing waits and nothing goes on. */
  readonly isIdle: boolean;
  /** Stops all and waits for them. True when one was cut short. */
  end(): Promise<boolean>;
};

/** What is remembered at most, however long the console is open; of what weighs the newest always is. */
const MOST = { jobs: 30, weight: 20_000 };

/** It waits for its turn or goes on. */
export function isOpen({ state }: Pick<Job<unknown>, "state">): boolean {
  return state === "waiting" || state === "working";
}

/** Most jobs are over before a page would have to be looked at twice: waits for the end, but not for longer than this. */
export async function soonEnded({ ended }: Pick<Job<unknown>, "ended">, milliseconds: number): Promise<void> {
  await Promise.race([ended, sleep(milliseconds, undefined, { ref: false })]);
}

/**
 * One after the other: two readers of one queue would hold letters back from each other.
 * @param weigh how much a job keeps in memory by what it has found
 */
export function createJobs<Content>(weigh: (content: Content) => number, most = MOST): Jobs<Content> {
  const jobs = new Map<string, Job<Content>>();
  let last: Promise<void> = Promise.resolve();
  const forget = () => {
    const ended = [...jobs.values()].filter((job) => !isOpen(job)).toReversed();
    let weight = 0;
    for (const [index, { id, content }] of ended.entries()) {
      const isFirstThatWeighs = weight === 0; // a look weighs nothing, and makes nobody's plan forgotten
      weight += weigh(content);
      if (index >= most.jobs || (weight > most.weight && !isFirstThatWeighs)) jobs.delete(id);
    }
  };
  return {
    begin: (content, work) => {
      if ([...jobs.values()].filter(isOpen).length >= most.jobs) {
        throw new Error(`${most.jobs} things wait for their turn already: stop some, or let them end.`);
      }
      const stopping = new AbortController();
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      const job: Job<typeof content> = {
        id: randomUUID(),
        content,
        state: "waiting",
        phase: "waiting for its turn",
        done: 0,
        total: 0,
        stop: () => {
          stopping.abort();
          job.phase = "stopping: what is held is given back";
        },
        ended,
      };
      jobs.set(job.id, job);
      last = last
        .then(() => carryOut(job, work, stopping.signal))
        .finally(() => {
          forget();
          resolve();
        });
      return job;
    },
    find: (id) => jobs.get(id),
    get isIdle() {
      return ![...jobs.values()].some(isOpen);
    },
    end: async () => {
      const open = [...jobs.values()].filter(isOpen);
      for (const job of open) job.stop();
      await last;
      return open.some(({ state }) => state === "stopped");
    },
  };
}

/** Never throws: what went wrong is the job's `trouble`. */
async function carryOut<Content>(job: Job<Content>, work: Work<Content>, signal: AbortSignal): Promise<void> {
  try {
    if (signal.aborted) throw new Interrupted("stopped before it began");
    job.state = "working";
    await work(job, signal);
    job.state = signal.aborted ? "stopped" : "done";
  } catch (error) {
    job.state = error instanceof Interrupted ? "stopped" : "failed";
    job.trouble = why(error);
  }
}
