import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Envelope } from "#shared/envelope.ts";
import type { LogLine } from "#shared/log.ts";
import { signIn } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { requestsOf, under, writesOf } from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { addGroup, addPerson, groupDn } from "./support/people.ts";
import { mintSessionToken } from "./support/session-tokens.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await addPerson(world, { uid: "warm" });
  await world.pass(spawnOf("warm")); // the organisation is there, and every function has started
});
afterAll(() => world.stop());

/** An event that has just come in. */
function freshSpawnOf(user: string): Envelope {
  const { delivery, ...envelope } = spawnOf(user);
  return { ...envelope, delivery: { ...delivery, receivedAt: new Date().toISOString() } };
}

/** One that came in so long ago that the templates stage looks once more before it writes. */
const lateSpawnOf = (user: string) => spawnOf(user);
const LATE_MILLISECONDS = 2000;

type Pass = (envelope: Envelope) => Promise<LogLine[]>;

/** What the lines say that a journey cost, held against what Gitea saw, and printed beside what it may cost. */
async function cost(what: string, most: { requests: number; writes: number }, journey: () => Promise<LogLine[]>) {
  if (IS_STAND_IN) world.gitea.requests.splice(0);
  const startedAt = performance.now();
  const lines = await journey();
  const isLate = performance.now() - startedAt >= LATE_MILLISECONDS; // the machine is busy with something else
  const spent = { requests: requestsOf(lines), writes: writesOf(lines) };
  const allowed = `${most.requests}${isLate ? " + 1 for more than 2 s on the way" : ""} (${most.writes} writes)`;
  process.stdout.write(`request budget: ${what} ${spent.requests} (${spent.writes} writes) of ${allowed}\n`);
  expect(lines.map(({ event }) => event)).not.toContain("stage.retried");
  if (IS_STAND_IN) expect(world.gitea.requests).toHaveLength(spent.requests);
  expect(spent.requests).toBeLessThanOrEqual(most.requests + (isLate ? 1 : 0));
  expect(spent.writes).toBeLessThanOrEqual(most.writes);
}

const spawn =
  (user: string, pass: Pass = world.pass) =>
  () =>
    pass(freshSpawnOf(user));

describe("the request budget (functions/account/README.md)", () => {
  it("lets a new person in for 10 requests, and back again for 4 without a write", async () => {
    await addPerson(world, { uid: "newt" });
    await cost("new person", { requests: 10, writes: 7 }, spawn("newt"));
    await cost("returning person", { requests: 4, writes: 0 }, spawn("newt"));
  });

  it("asks one more for a first spawn that has waited longer than 2 s, in case the person pushed meanwhile", async () => {
    await addPerson(world, { uid: "lara" });
    const late = () => world.pass(lateSpawnOf("lara"));
    await cost("new person, event older than 2 s", { requests: 10 + 1, writes: 7 }, late);
    await cost("the same person returning, event older than 2 s", { requests: 4, writes: 0 }, late);
  });

  it("adopts the account of a sign-in, whose name and mail differ, for 13", async () => {
    await addPerson(world, { uid: "sam", mail: null });
    await signIn(world, "sam", "sam-password");
    await cost("account from an LDAP sign-in", { requests: 13, writes: 8 }, spawn("sam"));
    await cost("the same person returning", { requests: 4, writes: 0 }, spawn("sam"));
  });

  it("asks one more for a repository that its person has renamed", async () => {
    await world.view.send("PATCH", "/repos/ilum-jupyterhub/jupyterhub-newt", { name: "thesis" }, "newt");
    await cost("renamed repository", { requests: 5, writes: 0 }, spawn("newt"));
  });

  it("asks two more for each group team, and two for making it", async () => {
    for (const uid of ["gina", "gustav"]) await addPerson(world, { uid });
    const teams: Record<string, object> = {};
    for (const cn of ["one", "two"]) {
      await addGroup(world, cn, ["gina", "gustav"]);
      teams[groupDn(cn)] = { team: `team-${cn}`, permission: "write" };
    }
    const { pass } = under(world, { GROUP_TEAMS: JSON.stringify(teams) });
    await pass(freshSpawnOf("warm"));
    await cost(
      "new person, two group teams made now",
      { requests: 10 + 4 + 4, writes: 7 + 2 + 2 },
      spawn("gina", pass),
    );
    await cost("new person, two group teams", { requests: 10 + 4, writes: 7 + 2 }, spawn("gustav", pass));
    await cost("returning person in two group teams", { requests: 4, writes: 0 }, spawn("gustav", pass));
  });

  it("asks once for a stop", async () => {
    const { delivery } = spawnOf("newt");
    await mintSessionToken(world, "newt", delivery);
    const stop = (account?: string) => () =>
      world.pass(
        {
          ...spawnOf("newt"),
          route: "stop",
          delivery: { ...spawnOf("newt").delivery, ...(account ? { ...delivery, account } : {}) },
        },
        "release",
      );
    await cost("stop", { requests: 1, writes: 1 }, stop("newt"));
    await cost("stop of a session without a token", { requests: 0, writes: 0 }, stop());
  });
});
