import { why } from "#shared/why.ts";
import { type Hold, NOT_HELD } from "./hold.ts";
import type { Letter } from "./letter.ts";
import { hashOf } from "./plan-replay.ts";

export type DiscardPlan = {
  /** The same for the same letters, in whatever order they were read. */
  hash: string;
  letters: readonly Letter[];
};

export function planDiscard(chosen: readonly Letter[]): DiscardPlan {
  return { hash: hashOf(chosen.map(({ id, failure }) => `discard ${id} ${failure}`)), letters: chosen };
}

export type Discarded = { letter: Letter; outcome: "discarded" | "failed" | "skipped"; reason?: string };

export type DiscardOptions = {
  hold: Hold;
  /** After this nothing new is begun. */
  signal?: AbortSignal;
  onProgress?: (result: Discarded) => void;
};

const AT_ONCE = 10;

/** Deletes the letters of the plan with all their copies. Never throws for one that stays. */
export async function discardLetters(plan: DiscardPlan, options: DiscardOptions): Promise<Discarded[]> {
  const { hold, signal, onProgress } = options;
  const results: Discarded[] = [];
  for (let start = 0; start < plan.letters.length; start += AT_ONCE) {
    const some = plan.letters.slice(start, start + AT_ONCE);
    for (const result of signal?.aborted ? some.map(skipped) : await discardSome(some, hold)) {
      results.push(result);
      onProgress?.(result);
    }
  }
  return results;
}

async function discardSome(some: readonly Letter[], hold: Hold): Promise<Discarded[]> {
  const { held = [], lost = [] } = Object.groupBy(some, ({ copies }) => (hold.has(copies) ? "held" : "lost"));
  const left = lost.map((letter): Discarded => ({ letter, outcome: "failed", reason: NOT_HELD }));
  return [...(await discardHeld(held, hold)), ...left];
}

async function discardHeld(letters: readonly Letter[], hold: Hold): Promise<Discarded[]> {
  try {
    const left = new Set(await hold.delete(letters.flatMap(({ copies }) => copies)));
    return letters.map((letter) =>
      letter.copies.some((messageId) => left.has(messageId))
        ? { letter, outcome: "failed", reason: "SQS did not delete it" }
        : { letter, outcome: "discarded" },
    );
  } catch (error) {
    const reason = why(error);
    return letters.map((letter) => ({ letter, outcome: "failed", reason }));
  }
}

function skipped(letter: Letter): Discarded {
  return { letter, outcome: "skipped", reason: "interrupted before it" };
}
