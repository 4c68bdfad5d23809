import type { RouteName } from "./envelope.ts";

/** Every step that makes one thing true, each with a FIFO queue and a function of its own, in the order of the journey. */
export const STAGES = ["identity", "account", "team", "repository", "templates", "release"] as const;
export type StageName = (typeof STAGES)[number];

/** The single list of routes: the stages that an envelope passes, in order (README.md §2). */
export const ROUTES: Record<RouteName, readonly [StageName, ...StageName[]]> = {
  spawn: ["identity", "account", "team", "repository", "templates"],
  refresh: ["identity", "account", "team"],
  depart: ["identity", "account", "team"],
  stop: ["release"],
};

/** The stage after `stage` on `route`; undefined when the envelope is done, or has no business in that stage. */
export function nextStage(route: RouteName, stage: StageName): StageName | undefined {
  const stages = ROUTES[route];
  return stages.includes(stage) ? stages[stages.indexOf(stage) + 1] : undefined;
}

/** The queues that functions send to: a stage's is named after it. The net behind them (`crashed`) is SQS's own to fill. */
export const DEAD_LETTERS = "dead-letters";
export const DEPARTURES = "departures";
export type QueueName = StageName | typeof DEAD_LETTERS | typeof DEPARTURES;

/** Where SQS puts what a function never answered: no function sends there. */
export const CRASHED = "crashed";

/** The environment variable that holds a queue's URL, e.g. `QUEUE_URL_DEAD_LETTERS`. */
export function queueUrlVariable(queue: QueueName | typeof CRASHED): string {
  return `QUEUE_URL_${queue.toUpperCase().replaceAll("-", "_")}`;
}
