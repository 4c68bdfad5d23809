import { createHold, HOLD_SECONDS, type Hold } from "./hold.ts";
import { Interrupted } from "./interrupted.ts";
import { type Arrival, type Letter, oldestFirst, readLetter } from "./letter.ts";
import type { LetterQueue } from "./letter-queue.ts";

export type ReadOptions = {
  /** Aborted by Ctrl-C: what is held is given back, then `Interrupted` is thrown. */
  signal?: AbortSignal;
  /** For how long letters stay hidden should this process be killed; at least 1. */
  holdSeconds?: number;
  onProgress?: (seen: number, onQueue: number) => void;
  /** Sees each letter with its whole body, which is not kept. */
  onBody?: (letter: Letter, body: string) => void | Promise<void>;
};

export type Reading = {
  /** One per failure, however many copies of it lie on the queue; oldest first. */
  letters: Letter[];
  /** Messages received; with copies there are more than letters. */
  messages: number;
  /** Messages that SQS counted and this reader did not get: another reader holds them, or a killed one did. */
  missing: number;
  /** False when memory ran out before the queue did: the rest was left there. */
  isWhole: boolean;
  hold: Hold;
};

/** Kept at most, all letters together; 20,000 ordinary ones need about a tenth of it. */
const KEPT_BYTES = 256 * 2 ** 20;
const RECEIVERS = 4;
const WAIT_SECONDS = 1;
/** While fewer were seen than SQS counted, it is asked again so often: another reader may just be giving letters back. */
const EMPTY_ANSWERS = 3;

/**
 * Receives everything on the dead-letter queue and holds it, so that nothing is seen twice and nobody else acts on it
 * meanwhile. The caller ends with `hold.giveBack()`, whatever happens; on an error or an abort that is done here.
 * @throws AwsTrouble, Interrupted
 */
export async function readLetters(queue: LetterQueue, options: ReadOptions = {}): Promise<Reading> {
  const hold = createHold(queue, options.holdSeconds ?? HOLD_SECONDS);
  const { signal, holdSeconds = HOLD_SECONDS } = options;
  try {
    return await receiveAll(queue, hold, options);
  } catch (error) {
    const isGivenBack = await hold.giveBack().then(
      () => true,
      () => false, // the first error says more
    );
    if (!signal?.aborted) throw error;
    throw isGivenBack
      ? new Interrupted()
      : new Interrupted(`interrupted; SQS did not take back all that was held: it is back within ${holdSeconds} s`);
  }
}

async function receiveAll(queue: LetterQueue, hold: Hold, options: ReadOptions): Promise<Reading> {
  const { signal, holdSeconds = HOLD_SECONDS, onProgress } = options;
  const { waiting, held } = await queue.counts();
  const pile = createPile(options);
  let empty = 0;
  const isOver = () => signal?.aborted || pile.bytes > KEPT_BYTES || empty >= EMPTY_ANSWERS || isDry();
  const isAllSeen = () => pile.messages >= waiting + held;
  const isDry = () => empty > 0 && isAllSeen();
  const receiver = async () => {
    while (!isOver()) {
      const messages = await queue.receive({
        holdSeconds,
        waitSeconds: queue.isExact && isAllSeen() ? 0 : WAIT_SECONDS,
      });
      if (messages.length === 0) empty += 1;
      else empty = 0;
      for (const { MessageId = "", ReceiptHandle = "", Body = "", Attributes } of messages) {
        const sentAt = new Date(Number(Attributes?.SentTimestamp) || Date.now());
        hold.take(MessageId, ReceiptHandle);
        await pile.add(Body, { messageId: MessageId, sentAt });
      }
      onProgress?.(pile.messages, waiting);
    }
  };
  await allSettled(Array.from({ length: Math.min(RECEIVERS, 1 + Math.floor(waiting / 10)) }, receiver));
  signal?.throwIfAborted();
  const after = await queue.counts();
  return {
    letters: pile.letters(),
    messages: pile.messages,
    // Letters that arrived meanwhile make up for none: what is hidden now and is not in our hands is in another's.
    missing: Math.max(0, waiting + held - pile.messages, after.held - pile.messages),
    isWhole: pile.bytes <= KEPT_BYTES,
    hold,
  };
}

/** Waits for all before it reports the first failure: a receive still under way brings letters that must be given back. */
async function allSettled(work: Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

function createPile({ onBody }: ReadOptions) {
  const letters = new Map<string, Letter>();
  const seen = new Set<string>();
  let bytes = 0;
  return {
    get messages() {
      return seen.size;
    },
    get bytes() {
      return bytes;
    },
    letters: () => withDistinctIds([...letters.values()]).toSorted(oldestFirst),
    add: async (body: string, arrival: Arrival) => {
      if (seen.has(arrival.messageId)) return; // it came a second time; only its receipt is new
      seen.add(arrival.messageId);
      const letter = readLetter(body, arrival);
      await onBody?.(letter, body);
      bytes += sizeOf(letter);
      const key = JSON.stringify([letter.id, letter.failure]);
      letters.set(key, merged(letters.get(key), letter));
    },
  };
}

/** Again until no two are the same: a forged id may be another's with its hash. No two of one id are of one failure, so it ends. */
function withDistinctIds(letters: readonly Letter[]): Letter[] {
  const ids = Map.groupBy(letters, ({ id }) => id);
  if (ids.size === letters.length) return [...letters];
  const isShared = ({ id }: Letter) => (ids.get(id)?.length ?? 0) > 1;
  return withDistinctIds(
    letters.map((letter) => (isShared(letter) ? { ...letter, id: `${letter.id}-${letter.failure}` } : letter)),
  );
}

/** Two copies are one failure; the later one has seen more. */
function merged(known: Letter | undefined, letter: Letter): Letter {
  if (!known) return letter;
  const latest = Date.parse(letter.failedAt) > Date.parse(known.failedAt) ? letter : known;
  return { ...latest, copies: [...known.copies, ...letter.copies] };
}

/** About what a letter takes up: its texts, and a kilobyte of objects around them. */
function sizeOf(letter: Letter): number {
  return 1_000 + JSON.stringify(letter).length;
}
