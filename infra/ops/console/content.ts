import type { Discarded, DiscardPlan } from "../letters/discard-letters.ts";
import type { Letter } from "../letters/letter.ts";
import type { ReplayPlan } from "../letters/plan-replay.ts";
import type { StepResult } from "../letters/replay-letters.ts";
import type { Warning } from "../letters/warn.ts";
import type { Choice } from "./choose-letters.ts";

export type Verb = "replay" | "discard";

export type Plan = { verb: "replay"; plan: ReplayPlan } | { verb: "discard"; plan: DiscardPlan };

/** A plan being made: `found` once it is. Nothing is done by it. */
export type Planning = {
  is: "planning";
  verb: Verb;
  choice: Choice;
  found?: Plan & { warnings: Warning[]; missing: number };
};

/** What came of one delivery or letter, and which letters are gone with it. */
export type RunResult = {
  letter: Letter;
  outcome: StepResult["outcome"] | Discarded["outcome"];
  reason: string | undefined;
  gone: readonly Letter[];
};

/** A plan that somebody confirmed, being carried out. */
export type Execution = {
  is: "execution";
  verb: Verb;
  choice: Choice;
  hash: string;
  /** Kept in the envelopes. */
  reason?: string;
  /** Deliveries a second, and people at once. */
  rate: number;
  concurrency: number;
  /** Also while another reader holds letters. */
  isAnyway: boolean;
  results: RunResult[];
};

/** What a job of the console is about. */
export type Content = { is: "look" } | Planning | Execution;

/** How many letters a job keeps in memory. */
export function lettersIn(content: Content): number {
  if (content.is === "look") return 0;
  if (content.is === "execution") return content.results.length;
  const { found } = content;
  if (!found) return 0;
  if (found.verb === "discard") return found.plan.letters.length;
  const { steps, unreplayable } = found.plan;
  return steps.reduce((sum, { letters }) => sum + letters.length, unreplayable.length);
}
