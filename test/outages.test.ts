import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spawnOf } from "./support/envelopes.ts";
import { deliver, lettersOf, NOTHING_TO_DO, outcomes, retryOf, summary, walkTo } from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { addPerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const CREATED = ["identity.unchanged", "account.created", "team.created", "repository.created", "templates.created"];

describe("servers that are really stopped and started again", () => {
  it("LDAP: a spawn waits in the identity queue and goes through when the directory is back", async () => {
    await world.slapd.stop("SIGKILL");
    const waiting = await deliver(world, "identity", spawnOf("ada"));
    expect(waiting.isDone).toBe(false);
    expect(retryOf(waiting.lines)?.code).toMatch(/^ldap\./);
    await world.startSlapdAgain();
    expect((await waiting.again()).isDone).toBe(true);
    expect(outcomes(await world.drain())).toEqual(CREATED.slice(1));
    expect(lettersOf(world.letters(), "ada")).toEqual([]);
  });

  it.runIf(IS_STAND_IN)("Gitea: each stage waits, and the journey ends as if nothing had been", async () => {
    for (const stage of ["account", "team", "repository", "templates"] as const) {
      const uid = `at-${stage}`;
      await addPerson(world, { uid });
      const envelope = await walkTo(world, stage, spawnOf(uid));
      await world.gitea.stop();
      const waiting = await deliver(world, stage, envelope);
      await world.startGiteaAgain();
      expect([stage, retryOf(waiting.lines)?.code]).toEqual([stage, "gitea.unreachable"]);
      expect(outcomes((await waiting.again()).lines)).toEqual([`${stage}.created`]);
      await world.drain();
      expect(summary(await world.pass(spawnOf(uid)))).toEqual(NOTHING_TO_DO);
    }
  });

  it.runIf(IS_STAND_IN)("Gitea: killed in the middle of a repository, and the second try completes it", async () => {
    for (const stopAt of ["repository.row", "repository.directory", "contents.commit"] as const) {
      const uid = stopAt.replace(".", "-");
      await addPerson(world, { uid });
      const stage = stopAt === "contents.commit" ? "templates" : "repository";
      const envelope = await walkTo(world, stage, spawnOf(uid));
      world.gitea.switches.stopAt = stopAt;
      const cut = await deliver(world, stage, envelope);
      expect(retryOf(cut.lines)?.code).toBe("gitea.unreachable");
      await world.gitea.stop();
      expect((await cut.again()).isDone).toBe(false);
      await world.startGiteaAgain();
      expect((await cut.again()).isDone).toBe(true);
      await world.drain();
    }
    // A row without its directory is for an operator (state A); a directory without HEAD or a commit without a branch heals.
    expect(lettersOf(world.letters(), "repository-row")).toEqual(["templates permanent repository.broken"]);
    expect(lettersOf(world.letters(), "contents-commit")).toEqual([]);
  });
});
