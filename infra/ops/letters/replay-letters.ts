import type { Sender } from "#shared/queue.ts";
import { why } from "#shared/why.ts";
import { sendSignal } from "../patience.ts";
import { type Hold, NOT_HELD } from "./hold.ts";
import { createPace } from "./pace.ts";
import { personOf, type ReplayPlan, type ReplayStep } from "./plan-replay.ts";

export type StepResult = {
  step: ReplayStep;
  /**
   * `replayed`: sent, and its letters are gone. `letter-left`: sent, but SQS would not delete a letter: the next replay
   * does. `failed`: not known to be sent; its letters stay. `skipped`: an earlier one of the same person failed, or the
   * run was interrupted before it.
   */
  outcome: "replayed" | "letter-left" | "failed" | "skipped";
  /** Why not. */
  reason?: string;
};

export type ReplayOptions = {
  hold: Hold;
  sender: Pick<Sender, "sendEnvelope">;
  /** Deliveries a second, all together. */
  rate?: number;
  /** Deliveries at once; those of one person always follow each other. */
  concurrency?: number;
  /** After this nothing new is begun; what is under way ends. */
  signal?: AbortSignal;
  onProgress?: (result: StepResult) => void;
};

/** Gentle to a Gitea that has just come back: a first spawn costs it about ten requests. */
export const REPLAY_RATE = 10;
export const REPLAY_CONCURRENCY = 4;

/**
 * Sends each delivery of the plan into the first stage of its route and deletes its letters after SQS has accepted it,
 * never before: killed at any point, nothing is lost, and running it again finishes. Never throws for one that failed.
 */
export async function replayLetters(plan: ReplayPlan, options: ReplayOptions): Promise<StepResult[]> {
  const { rate = REPLAY_RATE, concurrency = REPLAY_CONCURRENCY, signal, onProgress } = options;
  const pace = createPace(rate);
  const people = [...Map.groupBy(plan.steps, ({ envelope }) => personOf(envelope)).values()];
  const results: StepResult[] = [];
  const settle = (result: StepResult) => {
    results.push(result);
    onProgress?.(result);
  };
  const worker = async () => {
    for (let steps = people.shift(); steps; steps = people.shift()) {
      let obstacle: string | undefined;
      for (const step of steps) {
        if (!obstacle && !(await pace.next(signal))) obstacle = "interrupted before it";
        const result = obstacle
          ? { step, outcome: "skipped" as const, reason: obstacle }
          : await replayOne(step, options);
        if (result.outcome === "failed") obstacle = "an earlier delivery of the same person could not be sent";
        settle(result);
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return results;
}

async function replayOne(step: ReplayStep, { sender, hold, signal }: ReplayOptions): Promise<StepResult> {
  const messages = step.letters.flatMap(({ copies }) => copies);
  if (!hold.has(messages)) return { step, outcome: "failed", reason: NOT_HELD };
  try {
    await sender.sendEnvelope(step.stage, step.envelope, sendSignal(signal));
  } catch (error) {
    return { step, outcome: "failed", reason: messageOf(error) };
  }
  try {
    const left = await hold.delete(messages);
    if (left.length === 0) return { step, outcome: "replayed" };
    return { step, outcome: "letter-left", reason: `SQS did not delete ${left.length} of its letters` };
  } catch (error) {
    return { step, outcome: "letter-left", reason: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return why(error);
}
