import { createSender } from "#shared/queue.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { filterLetters } from "../letters/filter-letters.ts";
import type { Letter } from "../letters/letter.ts";
import { planReplay, type ReplayPlan } from "../letters/plan-replay.ts";
import type { Reading } from "../letters/read-letters.ts";
import { REPLAY_CONCURRENCY, REPLAY_RATE, replayLetters, type StepResult } from "../letters/replay-letters.ts";
import { warnOfReading } from "../letters/warn.ts";
import { warnOfReplay } from "../letters/warn-of-replay.ts";
import { parseCount, parseFilter, parseRate } from "../options.ts";
import { createProgress } from "../output/progress.ts";
import { showReplayPlan, showResult, showSummary } from "../output/replay-views.ts";
import type { Target } from "../target.ts";
import { type ActOptions, actOn, howToExecute, howToFinish, parseHold, stillMeant } from "./act.ts";
import { type Context, holdingLetters, type Verb } from "./context.ts";
import { nothingMatched, type ReadingOptions, showWarnings } from "./look-at-letters.ts";

export type PaceOptions = { rate?: string; concurrency?: string };
export type ReplayOptions = ReadingOptions & ActOptions & PaceOptions & { reason?: string; ask?: boolean };

/** `dead-letters replay`: the exact plan; with `--execute`, after a confirmation, the replay. */
export const replay: Verb<ReplayOptions> = async (context, options, words) => {
  const filter = parseFilter(options, context.now);
  const pace = parsePace(options);
  return await holdingLetters(context, { isSending: true, ...parseHold(options) }, async ({ reading, target }) => {
    const chosen = filterLetters(reading.letters, filter);
    if (chosen.length === 0) {
      showWarnings(context.terminal, warnOfReading(reading));
      return nothingMatched(context, { ...reading, target }, options);
    }
    const plan = planReplay(chosen, reading.letters, options.reason);
    const { environment } = target;
    const asked = { plan, reading, environment, now: context.now, isAsking: options.ask !== false };
    const warnings = await warnOfReplay(asked);
    showReplayPlan(context.terminal, plan, { warnings, name: target.name, now: context.now });
    if (plan.steps.length === 0) return EXIT.nothingMatched;
    const isMeant = await actOn({
      context,
      options,
      hash: plan.hash,
      wanted: String(plan.steps.length),
      deed: `replay ${plan.steps.length}`,
      hasOtherReader: reading.missing > 0,
      command: howToExecute(target, "dead-letters replay", { options, words, hash: plan.hash }),
    });
    if (isMeant !== "go") return isMeant;
    const restOf = (gone: ReadonlySet<Letter>) => {
      const left = chosen.filter((letter) => !gone.has(letter)).length;
      return howToFinish(target, "dead-letters replay", {
        options: { ...options, ...stillMeant(filter, left) },
        words,
      });
    };
    return await executeReplay(context, { plan, reading, target, pace, restOf });
  });
};

export type Pace = { rate: number; concurrency: number };

export function parsePace({ rate, concurrency }: PaceOptions): Pace {
  return {
    rate: rate === undefined ? REPLAY_RATE : parseRate(rate),
    concurrency: concurrency === undefined ? REPLAY_CONCURRENCY : parseCount("--concurrency", concurrency, 100),
  };
}

type Execution = {
  plan: ReplayPlan;
  reading: Reading;
  target: Target;
  pace: Pace;
  /** The command line that does what is left when these letters are gone. */
  restOf: (gone: ReadonlySet<Letter>) => string;
};

/** Carries the plan out with a progress bar, and tells how it went. */
export async function executeReplay(context: Context, execution: Execution): Promise<ExitCode> {
  const { plan, reading, target, pace, restOf } = execution;
  const { terminal, signal } = context;
  const progress = createProgress(terminal, "replaying");
  let done = 0;
  const onProgress = (result: StepResult) => {
    done += 1;
    progress.show(done, plan.steps.length);
    showResult(terminal, result, progress);
  };
  const sender = createSender(target.environment);
  const results = await replayLetters(plan, { hold: reading.hold, sender, ...pace, signal, onProgress });
  progress.end();
  const gone = results.flatMap(({ outcome, step }) => (outcome === "replayed" ? step.letters : []));
  showSummary(terminal, results, restOf(new Set(gone)));
  if (signal.aborted) return EXIT.interrupted;
  const isDone = results.every(({ outcome }) => outcome === "replayed");
  if (isDone) return EXIT.done;
  return results.some(({ outcome }) => outcome === "replayed" || outcome === "letter-left") ? EXIT.partly : EXIT.error;
}
