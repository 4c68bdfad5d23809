import { createSender, type Sender } from "#shared/queue.ts";
import { createBodies } from "../letters/bodies.ts";
import { discardLetters, planDiscard } from "../letters/discard-letters.ts";
import { planReplay } from "../letters/plan-replay.ts";
import type { Reading } from "../letters/read-letters.ts";
import { replayLetters } from "../letters/replay-letters.ts";
import { type Warning, warnOfReading } from "../letters/warn.ts";
import { warnOfReplay } from "../letters/warn-of-replay.ts";
import { withHeldLetters } from "../letters/with-held-letters.ts";
import type { Target } from "../target.ts";
import { type Choice, chooseLetters } from "./choose-letters.ts";
import {
  type Content,
  type Execution,
  lettersIn,
  type Plan,
  type Planning,
  type RunResult,
  type Verb,
} from "./content.ts";
import { createJobs, type Job, type Jobs } from "./jobs.ts";
import { type Snapshot, without } from "./snapshot.ts";

/** What the console works on, and what it has found there so far. */
export type Desk = ReturnType<typeof openDesk>;

type State = { target: Target; jobs: Jobs<Content>; sender: Sender; snapshot: Snapshot | undefined };

/** Every deed is the library's (letters/): the desk only lines them up and remembers what came of them. */
export function openDesk(target: Target) {
  const jobs = createJobs<Content>(lettersIn);
  const state: State = { target, jobs, sender: createSender(target.environment), snapshot: undefined };
  return {
    target,
    jobs,
    snapshot: () => state.snapshot,
    look: (): Job<Content> =>
      jobs.begin({ is: "look" }, async (job, signal) => await reading(state, { job, signal }, async () => undefined)),
    plan: (verb: Verb, choice: Choice): Job<Planning> =>
      jobs.begin<Planning>({ is: "planning", verb, choice }, async (job, signal) => {
        await reading(state, { job, signal }, async (held) => await plan(state, job, held));
      }),
    execute: (content: Execution): Job<Execution> =>
      jobs.begin(content, async (job, signal) => {
        await reading(state, { job, signal }, async (held) => await execute(state, { job, signal }, held));
      }),
  };
}

type Work<Some extends Content> = { job: Job<Some>; signal: AbortSignal };

/** Reads the letters, remembers them and lets `use` work with them while they are held. */
async function reading<Some extends Content>(
  state: State,
  { job, signal }: Work<Some>,
  use: (reading: Reading) => Promise<void>,
): Promise<void> {
  const bodies = createBodies();
  const onProgress = (seen: number, onQueue: number) => Object.assign(job, { done: seen, total: onQueue });
  job.phase = "reading letters";
  await withHeldLetters(state.target.environment, { signal, onProgress, onBody: bodies.add }, async (held) => {
    const { letters, messages, missing, isWhole } = held;
    state.snapshot = { letters, messages, missing, isWhole, at: new Date(), bodyOf: bodies.of };
    await use(held);
  });
}

async function plan({ target }: State, job: Job<Planning>, held: Reading): Promise<void> {
  Object.assign(job, { phase: "asking LDAP and Gitea what it would come to", done: 0, total: 0 });
  const planned = makePlan(job.content.verb, job.content.choice, held);
  const warnings = await warningsOf(planned, held, target);
  job.content.found = { ...planned, warnings, missing: held.missing };
}

async function warningsOf(planned: Plan, held: Reading, { environment }: Target): Promise<Warning[]> {
  if (planned.verb === "discard") return warnOfReading(held);
  return await warnOfReplay({ plan: planned.plan, reading: held, environment, now: new Date(), isAsking: true });
}

async function execute(state: State, { job, signal }: Work<Execution>, held: Reading): Promise<void> {
  const { content } = job;
  const planned = makePlan(content.verb, content.choice, held, content.reason);
  refuseOther(planned, content, held);
  const count = countOf(planned);
  Object.assign(job, { phase: content.verb === "replay" ? "replaying" : "discarding", done: 0, total: count });
  const onResult = (result: RunResult) => {
    content.results.push(result);
    job.done += 1;
  };
  await carryOut(planned, { sender: state.sender, held, signal, onResult, content });
  const gone = content.results.flatMap((result) => result.gone);
  if (state.snapshot) state.snapshot = without(state.snapshot, gone);
}

type Deed = {
  sender: Sender;
  held: Reading;
  signal: AbortSignal;
  onResult: (result: RunResult) => void;
  content: Execution;
};

async function carryOut(planned: Plan, { sender, held: { hold }, signal, onResult, content }: Deed): Promise<void> {
  if (planned.verb === "discard") {
    await discardLetters(planned.plan, {
      hold,
      signal,
      onProgress: ({ letter, outcome, reason }) =>
        onResult({ letter, outcome, reason, gone: outcome === "discarded" ? [letter] : [] }),
    });
    return;
  }
  const { rate, concurrency } = content;
  await replayLetters(planned.plan, {
    ...{ hold, sender, rate, concurrency, signal },
    onProgress: ({ step, outcome, reason }) =>
      onResult({ letter: step.letter, outcome, reason, gone: outcome === "replayed" ? step.letters : [] }),
  });
}

function makePlan(verb: Verb, choice: Choice, { letters }: Reading, reason?: string): Plan {
  const chosen = chooseLetters(letters, choice);
  return verb === "replay" ? { verb, plan: planReplay(chosen, letters, reason) } : { verb, plan: planDiscard(chosen) };
}

export function countOf(planned: Plan): number {
  return planned.verb === "replay" ? planned.plan.steps.length : planned.plan.letters.length;
}

/** @throws when what was confirmed is not what would be done */
function refuseOther(planned: Plan, { hash, verb, isAnyway }: Execution, { missing }: Reading): void {
  if (planned.plan.hash !== hash) {
    throw new Error(
      `The letters are not those of plan ${hash} any more: it would be plan ${planned.plan.hash} now. Nothing was done.`,
    );
  }
  if (verb === "replay" && missing > 0 && !isAnyway) {
    throw new Error(
      "Another reader may hold some of the letters, so this could put somebody's deliveries out of order. Nothing was done: plan again when they are back.",
    );
  }
}
