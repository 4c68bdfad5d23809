import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Envelope } from "#shared/envelope.ts";
import { ROUTES } from "#shared/pipeline.ts";
import { type CrashPoint, crashPoints, type Fate, runCourse } from "./support/crash-points.ts";
import { spawnOf } from "./support/envelopes.ts";
import { FAULTS } from "./support/incarnation.ts";
import { personState } from "./support/person-state.ts";
import { mintSessionToken } from "./support/session-tokens.ts";
import { endState, flawless, GROUP_TEAM, ownOrganisation, startSweepWorld, sweep } from "./support/sweep.ts";
import type { World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startSweepWorld(120);
});
afterAll(() => world.stop());

let people = 0;
const newName = () => {
  people += 1;
  return `person${people}`;
};
const run = (user: string, envelope: Envelope, fate?: Fate) =>
  runCourse(world, ownOrganisation(world, user), envelope, fate);

/** Somebody who has spawned, and their directory id as Gitea remembers it. */
async function settled() {
  const user = newName();
  await run(user, spawnOf(user));
  const { teams } = await personState(world, user, `org-of-${user}`);
  const id = teams.map(({ description }) => /Directory id: (.+)$/.exec(description)?.[1]).find((found) => found);
  if (id === undefined) throw new Error(`${user} has no marked team`);
  return { user, id };
}

/** A lock in the directory counts as leaving; without one the person is back, with the same directory id. */
async function setLocked(user: string, isLocked: boolean): Promise<void> {
  const lines = ["changetype: modify", "replace: pwdAccountLockedTime"];
  if (isLocked) lines.push("pwdAccountLockedTime: 000001010000Z");
  await world.slapd.modify([`dn: uid=${user},ou=people,dc=uni,dc=example`, ...lines].join("\n"));
}

const departureOf = (user: string, directoryId: string) =>
  spawnOf(user, { route: "depart", directoryId, leave: [GROUP_TEAM] });
const refreshOf = (user: string, directoryId: string) => spawnOf(user, { route: "refresh", directoryId });

describe("a stop", () => {
  it("ends with that session's token gone and the other one there, whatever happens at its calls", async () => {
    const { user } = await settled();
    const other = spawnOf(user);
    await mintSessionToken(world, user, other.delivery);
    const stop = async (): Promise<Envelope> => {
      const { delivery } = spawnOf(user);
      await mintSessionToken(world, user, delivery);
      return { ...spawnOf(user), route: "stop", delivery: { ...delivery, account: user } };
    };
    const points = await crashPoints(world, ownOrganisation(world, user), await stop());
    const expected = await endState(world, user);
    expect(expected).toMatchObject({
      tokens: [expect.stringMatching(/^hubforge\.default\./)],
      queues: [],
      letters: [],
    });
    const ended = await sweep("stop", points, expected, async (fate) => {
      const course = await run(user, await stop(), fate);
      return { course, state: await endState(world, user) };
    });
    expect(ended).toEqual(flawless(points));
  }, 60_000);
});

describe("a departure and a return", () => {
  it("block and let in again as if nothing had happened, whatever happens at their calls", async () => {
    const { user, id } = await settled();
    const present = await endState(world, user);
    const environment = ownOrganisation(world, user);
    // The first cycle makes the team of leavers; the sweep of that follows below.
    await setLocked(user, true);
    await run(user, departureOf(user, id));
    const gone = await endState(world, user);
    expect(gone).toMatchObject({ user: { prohibit_login: true }, collaborators: ["{user} admin"], commits: [{}] });
    await setLocked(user, false);
    const returning = await crashPoints(world, environment, refreshOf(user, id));
    const back = await endState(world, user);
    expect(back).toMatchObject({ ...Object(present), organisation: { teams: expect.arrayContaining(["leavers"]) } });
    await setLocked(user, true);
    const leaving = await crashPoints(world, environment, departureOf(user, id));
    await setLocked(user, false);
    await run(user, refreshOf(user, id));
    for (const points of [leaving, returning]) expect(stagesOf(points)).toEqual(ROUTES.depart);

    const departures = await sweep("departure", leaving, gone, async (fate) => {
      await setLocked(user, true);
      const course = await run(user, departureOf(user, id), fate);
      const state = await endState(world, user);
      await setLocked(user, false);
      await run(user, refreshOf(user, id));
      return { course, state };
    });
    expect(departures).toEqual(flawless(leaving));
    await setLocked(user, true);
    await run(user, departureOf(user, id));
    await setLocked(user, false);
    const returns = await sweep("return", returning, back, async (fate) => {
      const course = await run(user, refreshOf(user, id), fate);
      const state = await endState(world, user);
      await setLocked(user, true);
      await run(user, departureOf(user, id));
      await setLocked(user, false);
      return { course, state };
    });
    expect(returns).toEqual(flawless(returning));
  }, 400_000);

  it("the first of an organisation, which makes the team of leavers, as well", async () => {
    const leave = async (fate?: Fate) => {
      const { user, id } = await settled();
      await setLocked(user, true);
      const course = await run(user, departureOf(user, id), fate);
      return { course, state: await endState(world, user) };
    };
    const scout = await settled();
    await setLocked(scout.user, true);
    const all = await crashPoints(world, ownOrganisation(world, scout.user), departureOf(scout.user, scout.id));
    const points = all.filter(({ stage, call }) => stage === "account" && /q=leavers|POST .*\/teams$/.test(call));
    expect(points).toHaveLength(3);
    const { state } = await leave();
    expect(await sweep("team of leavers", points, state, leave)).toEqual(flawless(points));
  }, 200_000);
});

describe("a message that comes back or becomes a letter", () => {
  it("makes one failure of somebody whom the directory does not know, whatever happens on the way", async () => {
    const failures = (user: string) => {
      const found = world.letters().filter(({ envelope }) => envelope?.delivery.user === user);
      // A crash between letter and acknowledgement makes a second copy: one failure all the same (shared/README.md §7).
      const ids = [...new Set(found.map(({ failureId }) => failureId))];
      const words = [...new Set(found.map(({ class: kind, stage, code }) => `${stage} ${kind} ${code}`))];
      return { ids: ids.length, words, waiting: world.queues.messagesIn("identity").length };
    };
    const points = await crashPoints(world, world.environment, spawnOf("nobody"));
    expect(points.at(-1)?.call).toBe("sqs POST SendMessage");
    const expected = { ids: 1, words: ["identity permanent person.unknown"], waiting: 0 };
    let strangers = 0;
    const ended = await sweep("letter", points, expected, async (fate) => {
      strangers += 1;
      const user = `stranger${strangers}`;
      return { course: await run(user, spawnOf(user), fate), state: failures(user) };
    });
    expect(ended).toEqual(flawless(points));
  }, 100_000);

  it("is neither lost nor done twice when giving it back goes wrong", async () => {
    const spawn = async (fate?: Fate) => {
      const user = newName();
      const course = await run(user, spawnOf(user), fate && { ...fate, lives: fate.lives.map(withLostRead) });
      return {
        course: { ...course, struck: course.struck.filter((what) => !what.startsWith("account 1 ")) },
        state: await endState(world, user),
      };
    };
    // The read before is lost, so that the second call gives the message back.
    const withLostRead = (faults: ReadonlyMap<number, (typeof FAULTS)[number]>) =>
      new Map([[1, "answer lost" as const], ...faults]);
    const points: CrashPoint[] = [{ stage: "account", number: 2, call: "sqs POST ChangeMessageVisibility" }];
    const { state } = await spawn();
    expect(await sweep("give-back", points, state, spawn)).toEqual(flawless(points));
  }, 60_000);
});

describe("several faults in a row", () => {
  const SEED = 20_261_124;
  const HISTORIES = 25;

  it("end as if nothing had happened", async () => {
    const fault = fc.constantFrom(...FAULTS);
    const life = fc
      .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 6 }), fault), {
        selector: ([number]) => number,
        minLength: 1,
        maxLength: 2,
      })
      .map((faults) => new Map(faults));
    const history = fc.record({
      stage: fc.constantFrom(...ROUTES.spawn),
      lives: fc.array(life, { minLength: 2, maxLength: 3 }),
    });
    const undisturbed = await settled();
    const expected = await endState(world, undisturbed.user);
    let struck = 0;
    const violations: unknown[] = [];
    for (const fate of fc.sample(history, { seed: SEED, numRuns: HISTORIES })) {
      const user = newName();
      const course = await run(user, spawnOf(user), fate);
      struck += course.struck.length;
      const state = await endState(world, user);
      try {
        expect({ state, violations: course.violations }).toEqual({ state: expected, violations: [] });
      } catch (difference) {
        violations.push({ fate, struck: course.struck, difference });
      }
    }
    process.stdout.write(
      `several faults in a row: seed ${SEED}, ${HISTORIES} histories, ${struck} faults, violations ${violations.length}\n`,
    );
    expect(violations).toEqual([]);
  }, 200_000);
});

const stagesOf = (points: CrashPoint[]) => [...new Set(points.map(({ stage }) => stage))];
