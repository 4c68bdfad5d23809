import type { Foresee, Foresight } from "./foresee.ts";
import type { Letter } from "./letter.ts";
import { personOf, type ReplayPlan, type ReplayStep } from "./plan-replay.ts";
import type { Reading } from "./read-letters.ts";

export type Warning = {
  code:
    | "other-reader"
    | "not-whole"
    | "older-left-out"
    | "just-replayed"
    | "already-done"
    | "fails-again"
    | "not-asked"
    | "not-replayable";
  text: string;
  /** The letters that it is about. */
  ids: string[];
};

/** What the reading itself shows, for every command. */
export function warnOfReading({ missing, isWhole }: Pick<Reading, "missing" | "isWhole">): Warning[] {
  const warnings: Warning[] = [];
  if (missing > 0) {
    const what = missing === 1 ? "1 letter is" : `${missing} letters are`;
    const text = `${what} counted on the queue and could not be seen: another reader may hold them (or one that was killed: they are back within 2 minutes)`;
    warnings.push({ code: "other-reader", text, ids: [] });
  }
  if (!isWhole) {
    warnings.push({
      code: "not-whole",
      text: "there are more letters than memory allows: only a part was read",
      ids: [],
    });
  }
  return warnings;
}

/** SQS forgets a deduplication id after 5 minutes (shared/README.md §6). */
const DEDUPLICATION_MILLISECONDS = 5 * 60_000;

/** What the letters themselves show about a plan. */
export function warnOfPlan(plan: ReplayPlan, all: readonly Letter[], now: Date): Warning[] {
  return [...unreplayable(plan), ...olderLeftOut(plan, all), ...justReplayed(plan, now)];
}

function unreplayable({ unreplayable: letters }: ReplayPlan): Warning[] {
  if (letters.length === 0) return [];
  const what = letters.length === 1 ? "1 letter holds" : `${letters.length} letters hold`;
  const text = `${what} no envelope that could be sent through again: show and export still work, and discard when it is of no use`;
  return [{ code: "not-replayable", text, ids: idsOf(letters) }];
}

/** A replay that takes somebody's later delivery and leaves an earlier one turns their order round. */
function olderLeftOut({ steps }: ReplayPlan, all: readonly Letter[]): Warning[] {
  const taken = new Set(steps.flatMap(({ letters }) => idsOf(letters)));
  const last = new Map(steps.map(({ envelope }) => [personOf(envelope), Date.parse(envelope.delivery.receivedAt)]));
  const older = all.filter(({ id, envelope }) => {
    if (!envelope || taken.has(id)) return false;
    return Date.parse(envelope.delivery.receivedAt) < (last.get(personOf(envelope)) ?? 0);
  });
  if (older.length === 0) return [];
  const people = new Set(older.flatMap(({ envelope }) => (envelope ? [envelope.delivery.user] : [])));
  const text = `${older.length} older ${older.length === 1 ? "letter" : "letters"} of ${listed([...people])} would stay behind: replayed later, they come after newer ones`;
  return [{ code: "older-left-out", text, ids: idsOf(older) }];
}

/**
 * A letter does not tell when it was last replayed, only when it failed before that and first after it. It may have waited
 * in between, but that first failure is no earlier than the replay: once it is older than SQS's memory, so is the replay.
 */
function justReplayed({ steps }: ReplayPlan, now: Date): Warning[] {
  const recent = steps.filter(({ letter }) => {
    const age = now.getTime() - Date.parse(letter.firstFailedAt);
    return (letter.envelope?.replay.number ?? 0) > 0 && age < DEDUPLICATION_MILLISECONDS;
  });
  if (recent.length === 0) return [];
  const what = recent.length === 1 ? "1 delivery was" : `${recent.length} deliveries were`;
  const text = `${what} replayed and began to fail again within the last 5 minutes: SQS may still remember that replay; this one has a number of its own and is not taken for a duplicate`;
  return [{ code: "just-replayed", text, ids: recent.map(({ letter }) => letter.id) }];
}

/** Asking costs about five requests each; a plan of thousands is judged by some of each reason. */
const ASKED_PER_REASON = 5;
const ASKED_AT_ONCE = 4;
const ASKING_MILLISECONDS = 15_000;

/** What LDAP and Gitea, asked now, say about the deliveries of a plan: up to five of each stage and reason. */
export async function warnOfOutside(plan: ReplayPlan, foresee: Foresee): Promise<Warning[]> {
  const signal = AbortSignal.timeout(ASKING_MILLISECONDS);
  const reasons = Map.groupBy(plan.steps, ({ letter }) => `${letter.stage} ${letter.code}`);
  const asked = [...reasons.values()].flatMap((steps) => steps.slice(0, ASKED_PER_REASON));
  const seen: { step: ReplayStep; foresight: Foresight }[] = [];
  const queue = [...asked];
  const ask = async () => {
    for (let step = queue.shift(); step; step = queue.shift()) {
      seen.push({ step, foresight: await foresee(step.envelope, signal) });
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask));
  const rest = plan.steps.length - asked.length;
  const sample = rest > 0 ? ` (${asked.length} of ${plan.steps.length} were asked about)` : "";
  return [...failsAgain(seen, sample), ...alreadyDone(seen, sample)];
}

type Seen = { step: ReplayStep; foresight: Foresight }[];

function failsAgain(seen: Seen, sample: string): Warning[] {
  const failing = seen.flatMap(({ step, foresight }) => (foresight.would === "fail" ? [{ step, foresight }] : []));
  const reasons = Map.groupBy(failing, ({ foresight }) => `${foresight.stage} ${foresight.code}`);
  return [...reasons.values()].flatMap((some) => {
    const [first] = some;
    if (!first) return [];
    const who = listed([...new Set(some.map(({ step }) => step.envelope.delivery.user))]);
    const text = `would fail again now for ${who}${sample}: ${first.foresight.stage}: ${first.foresight.code}: ${first.foresight.reason}`;
    return [{ code: "fails-again" as const, text, ids: some.map(({ step }) => step.letter.id) }];
  });
}

function alreadyDone(seen: Seen, sample: string): Warning[] {
  return seen.flatMap(({ step, foresight }) => {
    if (foresight.would !== "nothing") return [];
    const { user, id } = step.envelope.delivery;
    const by =
      foresight.by === undefined
        ? ""
        : ` (set up by ${foresight.by === id ? "this very" : "another"} delivery ${foresight.by})`;
    const text = `all that it asks for ${user} is true already${by}: a replay will write nothing${sample}`;
    return [{ code: "already-done" as const, text, ids: [step.letter.id] }];
  });
}

function idsOf(letters: readonly Letter[]): string[] {
  return letters.map(({ id }) => id);
}

/** `ada, bob and 7 more`. */
function listed(names: readonly string[], shown = 5): string {
  const rest = names.length - shown;
  return rest > 0 ? `${names.slice(0, shown).join(", ")} and ${rest} more` : names.join(", ");
}
