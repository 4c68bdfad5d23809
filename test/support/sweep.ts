import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import type { Envelope } from "#shared/envelope.ts";
import { STAGES } from "#shared/pipeline.ts";
import { SUFFIX } from "../../infra/local/slapd-folder.ts";
import type { Course, CrashPoint, Fate } from "./crash-points.ts";
import { spawnOf } from "./envelopes.ts";
import { FAULTS } from "./incarnation.ts";
import { organisationState, personState } from "./person-state.ts";
import { startWorld, type World } from "./world.ts";

/** Everybody of a sweep is in this group, which has a team. */
const GROUP = `cn=physics,ou=groups,${SUFFIX}`;
export const GROUP_TEAM = "physicists";

/** A world with `people` whom Gitea has never seen: person1, person2 … */
export async function startSweepWorld(people: number): Promise<World> {
  const seed = await readFile(new URL("../../infra/local/directory/seed.ldif", import.meta.url), "utf8");
  const names = Array.from({ length: people }, (_, place) => `person${place + 1}`);
  const entries = names.map(
    (uid) =>
      `dn: uid=${uid},ou=people,${SUFFIX}\nobjectClass: inetOrgPerson\nuid: ${uid}\ncn: Person ${uid}\nsn: ${uid}\nmail: ${uid}@uni.example\n`,
  );
  const members = names.map((uid) => `member: uid=${uid},ou=people,${SUFFIX}`).join("\n");
  const group = `dn: ${GROUP}\nobjectClass: groupOfNames\ncn: physics\n${members}\n`;
  const GROUP_TEAMS = JSON.stringify({ [GROUP]: { team: GROUP_TEAM, permission: "write" } });
  return await startWorld({ GROUP_TEAMS }, { seedLdif: [seed, ...entries, group].join("\n") });
}

/** A case with an organisation of its own, so that its making is swept as well and nobody else's trace is in its state. */
export const ownOrganisation = (world: World, user: string): World["environment"] => ({
  ...world.environment,
  GITEA_ORG: `org-of-${user}`,
});

/** A spawn that the templates stage takes for fresh, and so commits without looking first; `spawnOf`'s has waited for long. */
export function freshSpawnOf(user: string): Envelope {
  const { delivery, ...envelope } = spawnOf(user);
  return { ...envelope, delivery: { ...delivery, receivedAt: new Date().toISOString() } };
}

/** All that there is about this person, in Gitea and on the queues, with what differs between two people taken out. */
export async function endState(world: World, user: string): Promise<unknown> {
  const org = `org-of-${user}`;
  const state = {
    ...(await personState(world, user, org)),
    organisation: await organisationState(world, org),
    queues: STAGES.flatMap((stage) => world.queues.messagesIn(stage).map(({ body }) => `${stage}: ${body}`)),
    net: world.queues.messagesIn("crashed").map(({ body }) => body),
    letters: world.letters().map(({ stage, class: kind, code, reason }) => `${stage} ${kind} ${code}: ${reason}`),
  };
  const text = JSON.stringify(state)
    .replaceAll(user, "{user}")
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, "{directory id}")
    .replaceAll(/Hubforge-Delivery: \w+/g, "Hubforge-Delivery: {delivery}")
    .replaceAll(/[0-9a-f]{40}/g, "{sha}");
  return JSON.parse(text);
}

/** How one case ended. */
export type Ended = { course: Course; state: unknown };

/** Every fault at every point, each in a case of its own, must end as the undisturbed run did. Prints the figures. */
export async function sweep(
  title: string,
  points: readonly CrashPoint[],
  expected: unknown,
  runCase: (fate: Fate) => Promise<Ended>,
): Promise<Course> {
  const all: Course = { struck: [], violations: [] };
  for (const { stage, number, call } of points) {
    for (const fault of FAULTS) {
      const { course, state } = await runCase({ stage, lives: [new Map([[number, fault]])] });
      all.struck.push(...course.struck);
      const where = `${fault} at ${stage} ${number} (${call})`;
      all.violations.push(...course.violations.map((what) => `${where}: ${what}`));
      if (!isDeepStrictEqual(state, expected)) all.violations.push(`${where} ends as ${JSON.stringify(state)}`);
    }
  }
  const count = points.length * FAULTS.length;
  process.stdout.write(
    `${title}: crash points: ${all.struck.length} of ${count}, violations ${all.violations.length}\n`,
  );
  return all;
}

/** What `sweep` returns when everything struck and nothing went wrong. */
export function flawless(points: readonly CrashPoint[]): Course {
  const struck = points.flatMap(({ stage, number }) => FAULTS.map((fault) => `${stage} ${number} ${fault}`));
  return { struck, violations: [] };
}
