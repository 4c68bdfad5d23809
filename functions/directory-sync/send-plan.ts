import type { Envelope } from "#shared/envelope.ts";
import { Retryable } from "#shared/errors.ts";
import { DEPARTURES } from "#shared/pipeline.ts";
import { BATCH_SIZE, type EnvelopeQueue, type Refused, type Sender } from "#shared/queue.ts";
import type { Decision } from "./decide.ts";
import { departEnvelope, refreshEnvelope } from "./envelopes.ts";

/** Batches under way at once: one takes 10 – 20 ms on AWS, and a first fill of 10,000 people is 1,000 of them. */
const AT_ONCE = 8;

type Batch = { queue: EnvelopeQueue; envelopes: Envelope[] };
type Tools = { sender: Sender; signal: AbortSignal; now: Date; onSent: (count: number) => void };

/**
 * Puts the plan on the queues: refreshes before identity, departures into their delay. What was not sent is planned again
 * by the next run, under the same ids.
 * @throws Retryable `queue.unreachable`, `queue.refused` when not everything was taken
 */
export async function sendPlan({ plan, isTaking, isUnblocking }: Decision, tools: Tools): Promise<void> {
  const how = { isTaking, isUnblocking, keeps: plan.keeps, now: tools.now };
  const refreshes = plan.refreshes.flatMap((refresh) => refreshEnvelope(refresh, how) ?? []);
  const departures = isTaking ? plan.departures.map((departure) => departEnvelope(departure, how)) : [];
  const batches = [...batchesOf("identity", refreshes), ...batchesOf(DEPARTURES, departures)];
  const refused: Refused[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const work = async () => {
    for (let batch = batches[next]; batch && failures.length === 0; batch = batches[next]) {
      next += 1;
      try {
        const notTaken = await tools.sender.sendBatch(batch.queue, batch.envelopes, tools.signal);
        tools.onSent(batch.envelopes.length - notTaken.length);
        refused.push(...notTaken);
      } catch (failure) {
        failures.push(failure);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (failures.length > 0) throw failures[0];
  const [first] = refused;
  if (!first) return;
  const who = first.envelope.delivery.user;
  throw new Retryable("queue.refused", `${refused.length} messages were not taken, ${who}'s with "${first.reason}"`);
}

function batchesOf(queue: EnvelopeQueue, envelopes: Envelope[]): Batch[] {
  const batches: Batch[] = [];
  for (let start = 0; start < envelopes.length; start += BATCH_SIZE) {
    batches.push({ queue, envelopes: envelopes.slice(start, start + BATCH_SIZE) });
  }
  return batches;
}
