import { setTimeout as sleep } from "node:timers/promises";
import { BATCH, type LetterQueue } from "./letter-queue.ts";

/**
 * How long SQS hides a letter that was received, in seconds: after a `kill -9` it is back by then. Renewed while it is held.
 */
export const HOLD_SECONDS = 120;

/** 0 would lose the message on the persistent emulator. */
const GIVE_BACK_SECONDS = 1;

/** Calls at once; SQS itself has no such limit, an emulator on the same machine has one processor. */
const CALLS = 4;

/** What one reader has in its hands. */
export type Hold = {
  readonly size: number;
  take(messageId: string, receipt: string): void;
  /** Whether these are surely still ours: a machine that slept has lost them to others. */
  has(messageIds: readonly string[]): boolean;
  /** Deletes these for good. Returns the message ids that SQS would not delete: they will come again. */
  delete(messageIds: readonly string[]): Promise<string[]>;
  /** Makes everything still held visible again, and holds no more. */
  giveBack(): Promise<void>;
};

/** Why a letter that the hold does not have is left alone. */
export const NOT_HELD = "it is held no longer: somebody may have it";

type Held = { receipt: string; until: number };

export function createHold(queue: LetterQueue, holdSeconds: number): Hold {
  const held = new Map<string, Held>();
  const ending = new AbortController();
  const hold = (receipt: string): Held => ({ receipt, until: Date.now() + holdSeconds * 1000 });
  const renewing = renew(queue, held, { holdSeconds, signal: ending.signal });
  return {
    get size() {
      return held.size;
    },
    take: (messageId, receipt) => void held.set(messageId, hold(receipt)),
    has: (messageIds) => messageIds.every((messageId) => (held.get(messageId)?.until ?? 0) > Date.now()),
    delete: async (messageIds) => {
      const known = messageIds.filter((messageId) => held.has(messageId));
      const left = await inBatches(known, async (batch) => {
        const receipts = batch.map((messageId) => held.get(messageId)?.receipt ?? "");
        const refused = new Set(await queue.delete(receipts));
        const isLeft = (messageId: string) => refused.has(held.get(messageId)?.receipt ?? "");
        const remaining = batch.filter(isLeft);
        for (const messageId of batch) if (!remaining.includes(messageId)) held.delete(messageId);
        return remaining;
      });
      return left.flat();
    },
    giveBack: async () => {
      ending.abort();
      await renewing;
      const receipts = [...held.values()].map(({ receipt }) => receipt);
      held.clear();
      // What SQS refuses here is visible already, or gone: both are what was wanted.
      await inBatches(receipts, (batch) => queue.hide(batch, GIVE_BACK_SECONDS));
    },
  };
}

/** Renews in good time what would become visible: from half of its time on. */
async function renew(
  queue: LetterQueue,
  held: Map<string, Held>,
  { holdSeconds, signal }: { holdSeconds: number; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    await sleep(holdSeconds * 250, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return;
    const soon = Date.now() + holdSeconds * 500;
    const due = [...held].filter(([, { until }]) => until < soon);
    await inBatches(due, async (batch) => {
      if (signal.aborted) return;
      const until = Date.now() + holdSeconds * 1000;
      const receipts = batch.map(([, { receipt }]) => receipt);
      const refused = await queue.hide(receipts, holdSeconds).catch(() => receipts); // tried again at the next round
      for (const [, one] of batch) if (!refused.includes(one.receipt)) one.until = until;
    });
  }
}

/** Runs `call` on ten at a time, a few calls beside each other. */
async function inBatches<Item, Result>(
  items: readonly Item[],
  call: (batch: Item[]) => Promise<Result>,
): Promise<Result[]> {
  const batches = Array.from({ length: Math.ceil(items.length / BATCH) }, (_, index) =>
    items.slice(index * BATCH, (index + 1) * BATCH),
  );
  const results: Result[] = [];
  const work = async () => {
    for (let batch = batches.pop(); batch; batch = batches.pop()) results.push(await call(batch));
  };
  await Promise.all(Array.from({ length: CALLS }, work));
  return results;
}
