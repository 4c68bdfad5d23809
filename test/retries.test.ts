import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Received } from "#shared/batch.ts";
import { isExhausted, maxReceiveCount, waitSeconds } from "#shared/retries.ts";

/** shared/README.md §4, copied from there. */
const STEPS = [4, 8, 15, 45, 120, 300];
const stepOf = (attempt: number) => STEPS[attempt - 1] ?? 300;

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const retryAfter = fc.option(
  fc.oneof(fc.integer({ min: -5, max: 2_000 }), fc.double({ min: 0, max: 2, noNaN: true })),
  {
    nil: undefined,
  },
);

describe("the wait after a failure", () => {
  it("is at random from the upper half of 4, 8, 15, 45, 120, 300, 300 … s", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), random, (attempt, chance) => {
        const wait = waitSeconds(attempt, undefined, chance);
        expect(wait).toBeGreaterThanOrEqual(stepOf(attempt) / 2);
        expect(wait).toBeLessThanOrEqual(stepOf(attempt));
        expect(Number.isInteger(wait)).toBe(true);
      }),
    );
    expect(STEPS.map((_, place) => waitSeconds(place + 1, undefined, 0))).toEqual([2, 4, 8, 23, 60, 150]);
    expect(STEPS.map((_, place) => waitSeconds(place + 1, undefined, 0.999))).toEqual(STEPS);
  });

  it("lets 30 receives last at least an hour, whatever chance and Retry-After say", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(random, retryAfter), { minLength: 29, maxLength: 29 }), (failures) => {
        const waits = failures.map(([chance, after], place) => waitSeconds(place + 1, after, chance));
        expect(waits.reduce((sum, wait) => sum + wait)).toBeGreaterThanOrEqual(3600);
      }),
    );
  });

  it.each([
    [1, 30, 30],
    [1, 29.2, 30],
    [1, 900, 900],
    [1, 901, 900],
    [1, 86_400, 900],
    [6, 1, 150],
    [1, 0, 2],
    [1, -60, 2],
  ])(
    "after failure %i with Retry-After %d is %i s: never less than asked for, up to 900",
    (attempt, after, expected) => {
      expect(waitSeconds(attempt, after, 0)).toBe(expected);
    },
  );
});

describe("a message has had its time", () => {
  const now = new Date("2026-11-24T10:00:00Z");
  const minutesAgo = (minutes: number) => new Date(now.getTime() - minutes * 60_000);
  const message = (change: Partial<Received>): Received => ({
    messageId: "m",
    receiptHandle: "r",
    body: "",
    receiveCount: 2,
    firstReceivedAt: minutesAgo(1),
    sentAt: minutesAgo(1),
    stage: "account",
    ...change,
  });
  const limits = { minutes: 60, receives: 30 };

  it("an hour after its first receive, and not a second before", () => {
    expect(isExhausted(message({ firstReceivedAt: minutesAgo(60) }), limits, now)).toBe(true);
    expect(isExhausted(message({ firstReceivedAt: minutesAgo(59.99) }), limits, now)).toBe(false);
    expect(isExhausted(message({ firstReceivedAt: minutesAgo(6) }), { ...limits, minutes: 5 }, now)).toBe(true);
  });

  it("not because it waited for days behind another message", () => {
    expect(isExhausted(message({ sentAt: minutesAgo(3 * 24 * 60) }), limits, now)).toBe(false);
  });

  it("at the last receive before SQS would move it, and not one before", () => {
    expect(isExhausted(message({ receiveCount: 30 }), limits, now)).toBe(true);
    expect(isExhausted(message({ receiveCount: 29 }), limits, now)).toBe(false);
  });

  it("is told by MAX_RECEIVE_COUNT, and 30 where that is nothing one can count with", () => {
    expect([{ MAX_RECEIVE_COUNT: "7" }, {}, { MAX_RECEIVE_COUNT: "many" }].map(maxReceiveCount)).toEqual([7, 30, 30]);
  });
});
