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
  begin<Some extends Content>(content: Some, work: Work<Some>): Job<Some>;
  find(id: string): Job<Content> | undefined;
  /** Nothing waits and nothing goes on. */
  readonly isIdle: boolean;
  /** Stops all and waits for them. True when one was cut short. */
  end(): Promise<boolean>;
};

const KEPT = 30;

/** It waits for its turn or goes on. */
export function isOpen({ state }: Pick<Job<unknown>, "state">): boolean {
  return state === "waiting" || state === "working";
}

/** Most jobs are over before a page would have to be looked at twice: waits for the end, but not for longer than this. */
export async function soonEnded({ ended }: Pick<Job<unknown>, "ended">, milliseconds: number): Promise<void> {
  await Promise.race([ended, sleep(milliseconds, undefined, { ref: false })]);
}

/** One after the other: two readers of one queue would hold letters back from each other. */
export function createJobs<Content>(): Jobs<Content> {
  const jobs = new Map<string, Job<Content>>();
  let last: Promise<void> = Promise.resolve();
  return {
    begin: (content, work) => {
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
      for (const old of [...jobs.values()].slice(0, -KEPT)) if (!isOpen(old)) jobs.delete(old.id);
      last = last.then(() => carryOut(job, work, stopping.signal)).finally(resolve);
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
