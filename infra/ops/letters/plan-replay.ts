import type { Envelope } from "#shared/envelope.ts";
import { foldName } from "#shared/names.ts";
import { ROUTES, type StageName } from "#shared/pipeline.ts";
import { shortHash } from "#shared/short-hash.ts";
import type { Letter } from "./letter.ts";
import { spanOf } from "./span.ts";

/** One delivery, sent through again once, however many letters it left. */
export type ReplayStep = {
  envelope: Envelope;
  /** The first stage of its route: nothing old is ever applied. */
  stage: StageName;
  /** Why and where it failed last. */
  letter: Letter;
  /** Every letter that is done with once this is sent: copies, other stages' and earlier tries' of the same delivery. */
  letters: Letter[];
};

export type ReplayGroup = { person: string; stage: string; code: string; steps: ReplayStep[] };

export type ReplayPlan = {
  /** The same for the same letters, in whatever order they were read. */
  hash: string;
  /** In the order in which they are sent: each person's deliveries as they came in. */
  steps: ReplayStep[];
  /** Person → stage → reason, for people to read. */
  groups: ReplayGroup[];
  /** Chosen, but without an envelope that could be sent. */
  unreplayable: Letter[];
  oldest?: string;
  newest?: string;
};

/**
 * What a replay of `chosen` would do. `all` are the letters on the queue: another letter of a chosen delivery goes along
 * with it, because a delivery is sent once.
 */
export function planReplay(chosen: readonly Letter[], all: readonly Letter[], reason?: string): ReplayPlan {
  const deliveries = Map.groupBy(all.filter(isReplayable), (letter) => deliveryOf(letter.envelope));
  const wanted = new Set(chosen.filter(isReplayable).map((letter) => deliveryOf(letter.envelope)));
  const steps = [...wanted]
    .map((delivery) => toStep(deliveries.get(delivery) ?? [], reason))
    .filter((step) => step !== undefined)
    .toSorted(byPersonAndArrival);
  const [first] = steps;
  return {
    hash: hashOf(steps.map(lineOf)),
    steps,
    groups: groupsOf(steps),
    unreplayable: chosen.filter((letter) => !isReplayable(letter)),
    ...(first &&
      spanOf(
        first.letter,
        steps.flatMap((step) => step.letters),
      )),
  };
}

/** Twelve hex digits over a list in any order. */
export function hashOf(lines: readonly string[]): string {
  return shortHash(JSON.stringify(lines.toSorted()));
}

/** Whose line a delivery stands in; two spellings of one name are one person. */
export function personOf({ delivery }: Envelope): string {
  return foldName(delivery.user);
}

type Replayable = Letter & { envelope: Envelope };

function isReplayable(letter: Letter): letter is Replayable {
  return letter.envelope !== null;
}

function deliveryOf({ delivery, route }: Envelope): string {
  return JSON.stringify([delivery.hub, delivery.id, ROUTES[route][0]]);
}

function lineOf({ stage, envelope, letters }: ReplayStep): string {
  const ids = letters.map(({ id, failure }) => `${id} ${failure}`).toSorted();
  return JSON.stringify([stage, deliveryOf(envelope), envelope.replay.number, ids]);
}

function toStep(letters: Replayable[], reason: string | undefined): ReplayStep | undefined {
  const [latest, ...earlier] = letters.toSorted(
    (one, other) =>
      other.envelope.replay.number - one.envelope.replay.number ||
      Date.parse(other.failedAt) - Date.parse(one.failedAt) ||
      (one.id < other.id ? -1 : 1),
  );
  if (!latest) return undefined;
  const { replay, route } = latest.envelope;
  const { reason: _before, ...before } = replay;
  return {
    stage: ROUTES[route][0],
    envelope: {
      ...latest.envelope,
      replay: {
        ...before,
        number: replay.number + 1,
        ...(reason ? { reason } : {}),
        failedAt: [...replay.failedAt, latest.failedAt],
      },
    },
    letter: latest,
    letters: [latest, ...earlier],
  };
}

/** By the time the delivery was taken in; then by the time of its failure. */
function byPersonAndArrival(one: ReplayStep, other: ReplayStep): number {
  return (
    compare(personOf(one.envelope), personOf(other.envelope)) ||
    Date.parse(one.envelope.delivery.receivedAt) - Date.parse(other.envelope.delivery.receivedAt) ||
    Date.parse(one.letter.firstFailedAt) - Date.parse(other.letter.firstFailedAt) ||
    compare(deliveryOf(one.envelope), deliveryOf(other.envelope))
  );
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function groupsOf(steps: readonly ReplayStep[]): ReplayGroup[] {
  const groups = Map.groupBy(steps, ({ envelope, letter }) =>
    JSON.stringify([personOf(envelope), letter.stage, letter.code]),
  );
  return [...groups.values()].flatMap((some) => {
    const [first] = some;
    if (!first) return [];
    const { stage, code } = first.letter;
    return [{ person: first.envelope.delivery.user, stage, code, steps: some }];
  });
}
