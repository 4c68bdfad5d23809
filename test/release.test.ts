import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Envelope } from "#shared/envelope.ts";
import { sessionTokenName } from "#shared/session-token.ts";
import { commitsOf } from "./support/commits.ts";
import { spawnOf } from "./support/envelopes.ts";
import { lettersOf, outcomes, retryOf } from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { mintSessionToken, sessionTokens } from "./support/session-tokens.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await world.pass(spawnOf("ada"));
});
afterAll(() => world.stop());

type Session = Envelope["delivery"];
/** One life of ada's server, with or without a token. */
async function started(account: string | undefined, change: Partial<Session> = {}): Promise<Session> {
  const delivery = { ...spawnOf("ada").delivery, ...change };
  if (account) await mintSessionToken(world, account, delivery);
  return account ? { ...delivery, account } : delivery;
}
let stops = 0;
async function stop(delivery: Session) {
  stops += 1;
  return await world.pass(
    { ...spawnOf(delivery.user), route: "stop", delivery: { ...delivery, id: `stop${stops}` } },
    "release",
  );
}

describe("a stop", () => {
  it("ends the session's token for one request, and touches no work; the second time there is nothing to end", async () => {
    const before = await commitsOf(world, "jupyterhub-ada");
    const session = await started("ada");
    const lines = await stop(session);
    expect(lines).toMatchObject([{ event: "release.updated", account: "ada", giteaRequests: 1 }]);
    expect(await sessionTokens(world, "ada")).toEqual([]);
    expect(await stop(session)).toMatchObject([{ event: "release.unchanged", giteaRequests: 1 }]);
    expect(await commitsOf(world, "jupyterhub-ada")).toEqual(before);
  });

  it("of a session that never had a token costs no request", async () => {
    expect(await stop(await started(undefined))).toMatchObject([{ event: "release.unchanged", giteaRequests: 0 }]);
  });

  it("of an older session, however late, leaves the newer one's token, and every other server's", async () => {
    const older = await started("ada", { session: "older" });
    const newer = await started("ada", { session: "newer" });
    const other = await started("ada", { session: "older", server: "gpu" });
    const elsewhere = await started("ada", { session: "older", hub: "physics" });
    await stop(older);
    const left = [newer, other, elsewhere].map(sessionTokenName).sort();
    expect(await sessionTokens(world, "ada")).toEqual(left);
    for (const each of [newer, other, elsewhere]) await stop(each);
    expect(await sessionTokens(world, "ada")).toEqual([]);
  });

  it.each([".", ".."])("of an account named %s asks nothing: the name would be a step in the path", async (account) => {
    const lines = await stop({ ...(await started(undefined)), user: `step${account}`, account });
    expect(lines).toMatchObject([{ code: "gitea.refused" }]);
    expect(lettersOf(world.letters(), `step${account}`)).toEqual(["release permanent gitea.refused"]);
  });

  it("of somebody whose account is gone has nothing left to end", async () => {
    const delivery = { ...(await started(undefined)), account: "nobody" };
    expect(outcomes(await stop(delivery))).toEqual(["release.unchanged"]);
    expect(lettersOf(world.letters(), "ada")).toEqual([]);
  });

  it.runIf(IS_STAND_IN)("ends both of two tokens of one name, which two mints at once have made", async () => {
    world.gitea.switches.tokenRaceMilliseconds = 50;
    const session = spawnOf("ada").delivery;
    await Promise.all([mintSessionToken(world, "ada", session), mintSessionToken(world, "ada", session)]);
    expect(await sessionTokens(world, "ada")).toHaveLength(2);
    const lines = await stop({ ...session, account: "ada" });
    expect(outcomes(lines)).toEqual(["release.updated"]);
    expect(await sessionTokens(world, "ada")).toEqual([]);
  });

  it.runIf(IS_STAND_IN)("is tried again while Gitea is away", async () => {
    const session = await started("ada");
    world.gitea.faults.add({ method: "DELETE", status: 502, html: true });
    expect(retryOf(await stop(session))?.code).toBe("gitea.failing");
  });
});
