import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Discarded, type DiscardPlan, discardLetters, planDiscard } from "../letters/discard-letters.ts";
import { filterLetters } from "../letters/filter-letters.ts";
import type { Hold } from "../letters/hold.ts";
import { warnOfReading } from "../letters/warn.ts";
import { parseFilter } from "../options.ts";
import { showDiscarded, showDiscardPlan, showDiscardSummary } from "../output/discard-views.ts";
import { createProgress } from "../output/progress.ts";
import { UsageError } from "../usage-error.ts";
import { type ActOptions, actOn, howToExecute, howToFinish, parseHold, stillMeant } from "./act.ts";
import { type Context, holdingLetters, type Verb } from "./context.ts";
import { nothingMatched, type ReadingOptions, showWarnings } from "./look-at-letters.ts";

export type DiscardOptions = ReadingOptions & ActOptions & { all?: boolean };

/** `dead-letters discard`: the exact plan; with `--execute`, after a confirmation, these letters are deleted for good. */
export const discard: Verb<DiscardOptions> = async (context, options, words) => {
  const filter = parseFilter(options, context.now);
  if (options.execute && !options.all && Object.keys(filter).length === 0) {
    throw new UsageError("this would discard every letter: name some with a filter, or say --all");
  }
  return await holdingLetters(context, parseHold(options), async ({ reading, target }) => {
    const chosen = filterLetters(reading.letters, filter);
    showWarnings(context.terminal, warnOfReading(reading));
    if (chosen.length === 0) return nothingMatched(context, { ...reading, target }, options);
    const plan = planDiscard(chosen);
    showDiscardPlan(context.terminal, plan, { name: target.name, now: context.now });
    const answer = await actOn({
      context,
      options,
      hash: plan.hash,
      wanted: String(plan.letters.length),
      deed: `discard ${plan.letters.length} for good`,
      hasOtherReader: false, // what another reader holds is not discarded: no order is at stake
      command: howToExecute(target, "dead-letters discard", { options, words, hash: plan.hash }),
    });
    if (answer !== "go") return answer;
    const restOf = (left: number) =>
      howToFinish(target, "dead-letters discard", { options: { ...options, ...stillMeant(filter, left) }, words });
    return await execute(context, plan, { hold: reading.hold, restOf });
  });
};

/** `restOf`: the command line that does what is left of so many letters. */
type Execution = { hold: Hold; restOf: (left: number) => string };

async function execute({ terminal, signal }: Context, plan: DiscardPlan, execution: Execution): Promise<ExitCode> {
  const { hold, restOf } = execution;
  const progress = createProgress(terminal, "discarding");
  let done = 0;
  const onProgress = (result: Discarded) => {
    done += 1;
    progress.show(done, plan.letters.length);
    showDiscarded(terminal, result);
  };
  const results = await discardLetters(plan, { hold, signal, onProgress });
  progress.end();
  const discarded = results.filter(({ outcome }) => outcome === "discarded").length;
  showDiscardSummary(terminal, results, restOf(results.length - discarded));
  if (signal.aborted) return EXIT.interrupted;
  if (discarded === results.length) return EXIT.done;
  return discarded > 0 ? EXIT.partly : EXIT.error;
}
