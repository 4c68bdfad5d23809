import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Failure, Learned } from "#shared/envelope.ts";
import { countLetters } from "../infra/ops/letters/count-letters.ts";
import { planDiscard } from "../infra/ops/letters/discard-letters.ts";
import { type Letter, readLetter } from "../infra/ops/letters/letter.ts";
import { personOf, planReplay } from "../infra/ops/letters/plan-replay.ts";
import { warnOfPlan } from "../infra/ops/letters/warn.ts";
import { letterOf } from "./support/letters.ts";

const SECONDS = 60;
const timeOf = (second: number) => `2026-11-24T09:00:${String(second).padStart(2, "0")}Z`;

/** A few people and deliveries, so that letters often meet: of one person, of one delivery, of one second. */
const failure: fc.Arbitrary<Failure> = fc
  .record({
    user: fc.constantFrom("ada", "Ada", "bob", "日本", "philip j. fry"),
    delivery: fc.constantFrom("d1", "d2", "d3", "d4"),
    stage: fc.constantFrom("identity", "account", "team"),
    second: fc.nat(SECONDS - 1),
    replays: fc.nat(3),
  })
  .map(({ user, delivery: id, stage, second, replays }) => {
    const { envelope, ...letter } = letterOf(user, { stage, failedAt: timeOf(second) });
    if (!envelope) throw new Error("a letter of a spawn has an envelope");
    // One delivery is one person's: its id says whose.
    const delivery = { ...envelope.delivery, id: `${user}-${id}`, receivedAt: timeOf(Number(id.slice(1))) };
    const replay = { number: replays, failedAt: Array.from({ length: replays }, () => timeOf(0)) };
    return { ...letter, failureId: `${user}-${id}-${stage}-${replays}`, envelope: { ...envelope, delivery, replay } };
  });

const letters = fc
  .uniqueArray(failure, { maxLength: 30, selector: ({ failureId }) => failureId })
  .map((failures) => failures.map(read));

function read(one: Failure): Letter {
  return readLetter(JSON.stringify(one), { messageId: one.failureId, sentAt: new Date(one.failedAt) });
}

const shuffled = letters.chain((some) =>
  fc.tuple(fc.constant(some), fc.shuffledSubarray(some, { minLength: some.length })),
);

describe("a plan", () => {
  it("has the same hash and the same order, in whatever order the letters were read", () => {
    void fc.assert(
      fc.property(shuffled, ([one, other]) => {
        const plans = [planReplay(one, one), planReplay(other, other)];
        expect(plans[1]?.hash).toBe(plans[0]?.hash);
        expect(plans[1]?.steps.map(({ letter }) => letter.id)).toEqual(plans[0]?.steps.map(({ letter }) => letter.id));
        expect(planDiscard(other).hash).toBe(planDiscard(one).hash);
      }),
    );
  });

  it("has another hash as soon as a letter is more, less or replayed once more", () => {
    void fc.assert(
      fc.property(letters, failure, (some, next) => {
        const { hash } = planReplay(some, some);
        const more = read({ ...next, failureId: "one-more" });
        expect(planReplay([...some, more], [...some, more]).hash).not.toBe(hash);
        const [first, ...rest] = some;
        if (!first) return;
        expect(planReplay(rest, rest).hash).not.toBe(hash);
        expect(planDiscard(rest).hash).not.toBe(planDiscard(some).hash);
      }),
    );
  });

  it("has another hash once the same letters are of a later replay, whatever their ids", () => {
    const letter = read(letterOf("ada"));
    const { envelope } = letter;
    if (!envelope) throw new Error("a letter of a spawn has an envelope");
    const later = { ...letter, envelope: { ...envelope, replay: { number: 1, failedAt: [letter.failedAt] } } };
    expect(planReplay([later], [later]).hash).not.toBe(planReplay([letter], [letter]).hash);
    const elsewhere = read(letterOf("ada", { failureId: letter.id, stage: "team", envelope }));
    expect(planReplay([elsewhere], [elsewhere]).hash).not.toBe(planReplay([letter], [letter]).hash);
  });

  it("sends each delivery once, under a number that none of its letters has, and takes all of its letters along", () => {
    void fc.assert(
      fc.property(letters, (some) => {
        const { steps } = planReplay(some, some);
        const deliveries = steps.map(({ envelope }) => envelope.delivery.id);
        expect(new Set(deliveries).size).toBe(deliveries.length);
        expect(steps.flatMap((step) => step.letters.map(({ id }) => id)).toSorted()).toEqual(
          some.map(({ id }) => id).toSorted(),
        );
        for (const { envelope, letters: own } of steps) {
          const numbers = own.map((letter) => letter.envelope?.replay.number ?? 0);
          expect(envelope.replay.number).toBe(Math.max(...numbers) + 1);
          expect(envelope.replay.failedAt).toHaveLength(envelope.replay.number);
        }
      }),
    );
  });

  it("keeps each person's deliveries in the order in which they came in, under every spelling of the name", () => {
    void fc.assert(
      fc.property(letters, (some) => {
        const people = Map.groupBy(planReplay(some, some).steps, ({ envelope }) => personOf(envelope));
        for (const steps of people.values()) {
          const times = steps.map(({ envelope }) => Date.parse(envelope.delivery.receivedAt));
          expect(times).toEqual(times.toSorted((one, other) => one - other));
        }
      }),
    );
  });
});

describe("a crowd of letters", () => {
  const CROWD = 200_000;

  it("is planned and counted as a few are", () => {
    const one = read(letterOf("ada"));
    const crowd = Array.from({ length: CROWD }, (_, index) => ({
      ...one,
      id: `f${index}`,
      failedAt: timeOf(index % 60),
    }));
    const ends = { oldest: "2026-11-24T09:00:00.000Z", newest: "2026-11-24T09:00:59.000Z" };
    expect(countLetters(crowd)).toMatchObject([{ letters: CROWD, people: 1, ...ends }]);
    const { steps, oldest, newest } = planReplay(crowd.slice(0, 1), crowd);
    expect(steps[0]?.letters).toHaveLength(CROWD);
    expect({ oldest, newest }).toEqual(ends);
  });
});

describe("a delivery that was replayed and failed again", () => {
  const now = new Date("2026-11-24T12:00:00Z");
  const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000).toISOString();
  const warned = (change: Partial<Failure>, replays = 1) => {
    const replay = { number: replays, failedAt: Array.from({ length: replays }, () => ago(180)) };
    const letter = read(letterOf("ada", { ...change, sent: { replay } }));
    return warnOfPlan(planReplay([letter], [letter]), [letter], now).map(({ code }) => code);
  };

  it("is warned of while SQS may remember the replay: its first failure since then is no older than that", () => {
    expect(warned({ firstFailedAt: ago(4), failedAt: ago(1) })).toEqual(["just-replayed"]);
  });

  it("is not after an outage: it failed for the last time just now, but was replayed an hour before", () => {
    expect(warned({ firstFailedAt: ago(60), failedAt: ago(0), class: "exhausted" })).toEqual([]);
  });

  it("is not where it was never replayed", () => {
    expect(warned({ firstFailedAt: ago(1), failedAt: ago(1) }, 0)).toEqual([]);
  });
});

describe("what is sent again", () => {
  /** Every field of it: a new one does not compile until it stands here. */
  const learned: Required<Learned> = {
    identity: {
      directoryId: "id-1",
      username: "ada",
      logins: ["ada"],
      dn: "uid=ada,ou=people,dc=uni,dc=example",
      createdAt: null,
      fullName: "Ada",
      email: "ada@uni.example",
      groups: [],
      isAdmin: false,
    },
    account: { giteaUserId: 7, username: "ada", isSiteAdmin: false, teams: [] },
    team: { id: 3, name: "ada" },
    repository: { owner: "uni", name: "jupyterhub-ada", isEmpty: true, defaultBranch: "main" },
  };

  it.each(["spawn", "refresh"] as const)("knows nothing that a stage of a %s had learned", (route) => {
    const letter = read(letterOf("ada", { sent: { ...learned, route, directoryId: "id-1", leave: ["staff"] } }));
    const [step] = planReplay([letter], [letter]).steps;
    for (const field of Object.keys(learned)) expect(step?.envelope).not.toHaveProperty(field);
    expect(step?.envelope.leave).toEqual(["staff"]);
    // A spawn's id was learned; the sync's says whom it means.
    expect(step?.envelope.directoryId).toBe(route === "spawn" ? undefined : "id-1");
  });
});
