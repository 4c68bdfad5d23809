import type { Identity } from "#shared/envelope.ts";
import { findOwner, lettersOf } from "../accounts/find-owner.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { hashOf, planReplay, type ReplayPlan } from "../letters/plan-replay.ts";
import { warnOfPlan, warnOfReading } from "../letters/warn.ts";
import { inert, inertJson } from "../output/inert.ts";
import { showReplayPlan } from "../output/replay-views.ts";
import { connectOutside, type Outside, readOnly, unlimited } from "../outside.ts";
import type { Target } from "../target.ts";
import { UsageError } from "../usage-error.ts";
import { type ActOptions, actOn, howToExecute, howToFinish, parseHold } from "./act.ts";
import { type Context, holdingLetters } from "./context.ts";
import { executeReplay, type PaceOptions, parsePace } from "./replay.ts";

export type DecideOptions = ActOptions & PaceOptions & { reason?: string; hold?: string };

/** What a person decides about an account, ready to be shown and carried out. */
type Decision = {
  /** For programs; its text is what the plan's hash covers, beside the letters. */
  record: object;
  /** For people. */
  lines: string[];
  warnings: string[];
  /** What is typed to go ahead. */
  wanted: string;
  deed: string;
  /** Said once it has been carried out. */
  done: string;
  /** False when it has been carried out already: only the letters are left. */
  isOpen: boolean;
  carryOut(tools: Outside): Promise<void>;
};

/** Decides with tools that cannot write. */
type Decide = (identity: Identity, look: Outside, target: Target) => Promise<Decision>;
type Asked = { command: string; options: DecideOptions; words: readonly string[] };

/** Plan, confirmation, deed, and then that person's letters through again: the frame of `accounts link` and `rebind`. */
export async function decideAndReplay(context: Context, asked: Asked, decide: Decide): Promise<ExitCode> {
  const { options, words, command } = asked;
  const [user] = words;
  if (!user) throw new UsageError("whose account?");
  const pace = parsePace(options);
  return await holdingLetters(context, { isSending: true, ...parseHold(options) }, async ({ reading, target }) => {
    const open = await connectOutside(target.environment);
    const judge = async () => {
      const look = open(readOnly(context.signal));
      const identity = await findOwner(user, reading.letters, look);
      return { identity, decision: await decide(identity, look, target) };
    };
    const { identity, decision } = await judge();
    const theirs = lettersOf(identity, reading.letters);
    const plan = planReplay(theirs, reading.letters, options.reason);
    const warnings = [...warnOfReading(reading), ...warnOfPlan(plan, reading.letters, context.now)];
    showDecision(context, decision);
    const hash = hashOf([JSON.stringify(decision.record), plan.hash]);
    showLetters(context, plan, { hash, warnings, name: target.name });
    if (!decision.isOpen && plan.steps.length === 0) {
      context.terminal.note("Nothing is to be done: it is so already, and no letter of theirs can be replayed.");
      return EXIT.done;
    }
    const answer = await actOn({
      context,
      options,
      hash,
      wanted: decision.wanted,
      deed: decision.deed,
      hasOtherReader: reading.missing > 0,
      command: howToExecute(target, command, { options, words, hash }),
    });
    if (answer !== "go") return answer;
    // Somebody took their time to answer: who is who is looked up again, accounts by their ids.
    const { decision: now } = await judge();
    if (JSON.stringify(now.record) !== JSON.stringify(decision.record)) {
      context.terminal.note("Gitea or the directory are not as in this plan any more. Nothing was done: plan again.");
      return EXIT.error;
    }
    if (now.isOpen) {
      await now.carryOut(open(unlimited(context.signal)));
      context.terminal.note(inert(now.done));
    }
    if (plan.steps.length === 0) return EXIT.done;
    const restOf = () => howToFinish(target, command, { options, words });
    return await executeReplay(context, { plan, reading, target, pace, restOf });
  });
}

function showDecision({ terminal }: Context, { record, lines, warnings }: Decision): void {
  if (!terminal.isTable) terminal.data(inertJson({ ...record, warnings }));
  else for (const line of [...lines, ...warnings.map((text) => `! ${inert(text)}`), ""]) terminal.data(line);
}

type Shown = Omit<Parameters<typeof showReplayPlan>[2], "now"> & { hash: string };

/** One hash for both halves: it stands in the place of the replay's own. */
function showLetters({ terminal, now }: Context, plan: ReplayPlan, { hash, ...shown }: Shown): void {
  showReplayPlan(terminal, { ...plan, hash }, { ...shown, now });
}
