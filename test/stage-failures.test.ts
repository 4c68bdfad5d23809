import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Envelope } from "#shared/envelope.ts";
import { Permanent, Retryable } from "#shared/errors.ts";
import { spawnOf } from "./support/envelopes.ts";
import {
  type BareEnsure,
  comesBack,
  done,
  failing,
  minutesAgo,
  type StageBench,
  startStageBench,
} from "./support/stage-bench.ts";

let bench: StageBench;
beforeAll(async () => {
  bench = await startStageBench();
});
afterAll(() => bench.stop());
beforeEach(() => bench.forget());

describe("what the sync asked for and cannot be done", () => {
  const taken = new Permanent("team.taken", "taken");
  const ofSync = (change: Partial<Envelope> = {}) => {
    const envelope = spawnOf("ada", { route: "refresh", ...change });
    return { ...envelope, delivery: { ...envelope.delivery, hub: "sync" } };
  };

  it("is loud and no letter: the next run asks again by itself", async () => {
    const envelope = ofSync();
    expect(await bench.handler({ ensure: failing(taken) })(await bench.receive(envelope))).toEqual(done);
    expect(bench.letterOf(envelope)).toBeUndefined();
    expect(bench.lines).toMatchObject([
      { event: "stage.left-to-sync", level: "error", person: "ada", stage: "account", code: "team.taken" },
    ]);
  });

  it("is left to the next run when a retry has not helped for 4 minutes, and is tried again before", async () => {
    const busy = failing(new Retryable("account.mail-in-use", "somebody has it"));
    const [young, old] = [ofSync(), ofSync()];
    const receive = async (envelope: Envelope, minutes: number) =>
      await bench.receive(envelope, { ApproximateFirstReceiveTimestamp: minutesAgo(minutes) });
    const record = await receive(young, 3);
    expect(await bench.handler({ ensure: busy })(record)).toEqual(comesBack(record));
    expect(await bench.handler({ ensure: busy })(await receive(old, 4))).toEqual(done);
    expect(bench.letterOf(old)).toBeUndefined();
    expect(bench.lines.map(({ event }) => event)).toEqual(["stage.retried", "stage.left-to-sync"]);
  });

  it("is left to it sooner where RETRY_FOR_MINUTES says so, and is no letter then either", async () => {
    const envelope = ofSync();
    const busy = failing(new Retryable("account.mail-in-use", "somebody has it"));
    const handle = bench.handler({ ensure: busy, environment: { RETRY_FOR_MINUTES: "2" } });
    const record = await bench.receive(envelope, { ApproximateFirstReceiveTimestamp: minutesAgo(2) });
    expect(await handle(record)).toEqual(done);
    expect(bench.letterOf(envelope)).toBeUndefined();
    expect(bench.lines.map(({ event }) => event)).toEqual(["stage.left-to-sync"]);
  });

  it.each([
    ["what ops decided", { rebind: { from: "old", to: "new" } }],
    ["a replay", { replay: { number: 1, failedAt: [] } }],
  ])("is a letter where nobody asks again: %s", async (_what, change) => {
    const envelope = ofSync(change);
    expect(await bench.handler({ ensure: failing(taken) })(await bench.receive(envelope))).toEqual(done);
    expect(bench.letterOf(envelope)).toMatchObject({ class: "permanent", code: "team.taken" });
  });
});

describe("a message that fails", () => {
  const busy = new Retryable("gitea.failing", "GET /users/ada answered 503: busy");

  it.each([
    [1, 2, 4],
    [2, 4, 8],
    [3, 8, 15],
    [4, 23, 45],
    [5, 60, 120],
    [6, 150, 300],
    [29, 150, 300],
  ])("for the time %i waits %i to %i s", async (attempt, least, most) => {
    const record = await bench.receive(spawnOf("ada"), { ApproximateReceiveCount: String(attempt) });
    expect(await bench.handler({ ensure: failing(busy) })(record)).toEqual(comesBack(record));
    expect(bench.said()).toEqual(["ChangeMessageVisibility account"]);
    const [seconds] = bench.visibilities();
    expect(seconds).toBeGreaterThanOrEqual(least);
    expect(seconds).toBeLessThanOrEqual(most);
    expect(bench.lines).toMatchObject([
      { event: "stage.retried", level: "warn", attempt, retryInSeconds: seconds, code: "gitea.failing" },
    ]);
  });

  it.each([
    [600, 600],
    [5_000, 900],
  ])("with Retry-After %i waits %i s", async (retryAfterSeconds, expected) => {
    const record = await bench.receive(spawnOf("ada"));
    await bench.handler({ ensure: failing(new Retryable("gitea.failing", "busy", { retryAfterSeconds })) })(record);
    expect(bench.visibilities()).toEqual([expected]);
  });

  it("becomes a letter of class exhausted an hour after its first receive", async () => {
    const envelope = spawnOf("ada");
    const record = await bench.receive(envelope, {
      ApproximateReceiveCount: "17",
      ApproximateFirstReceiveTimestamp: minutesAgo(60),
    });
    expect(await bench.handler({ ensure: failing(busy) })(record)).toEqual(done);
    expect(bench.letterOf(envelope)).toMatchObject({
      class: "exhausted",
      stage: "account",
      code: "gitea.failing",
      reason: "GET /users/ada answered 503: busy",
      attempts: 17,
      envelope,
    });
    expect(bench.said()).toEqual(["SendMessage dead-letters"]);
    expect(bench.lines).toMatchObject([{ event: "stage.dead-lettered", level: "error", outcome: "exhausted" }]);
  });

  it("is not used up by days of waiting behind another message of its person", async () => {
    const record = await bench.receive(spawnOf("ada"), { SentTimestamp: minutesAgo(3 * 24 * 60) });
    expect(await bench.handler({ ensure: failing(busy) })(record)).toEqual(comesBack(record));
  });

  it("is used up earlier when RETRY_FOR_MINUTES says so", async () => {
    const handle = bench.handler({ ensure: failing(busy), environment: { RETRY_FOR_MINUTES: "5" } });
    const record = await bench.receive(spawnOf("ada"), { ApproximateFirstReceiveTimestamp: minutesAgo(5) });
    expect(await handle(record)).toEqual(done);
    expect(bench.lines).toMatchObject([{ outcome: "exhausted" }]);
  });

  it("becomes a letter at the last receive before SQS would take it without a reason", async () => {
    const handle = bench.handler({ ensure: failing(busy), environment: { MAX_RECEIVE_COUNT: "3" } });
    const second = await bench.receive(spawnOf("ada"), { ApproximateReceiveCount: "2" });
    expect(await handle(second)).toEqual(comesBack(second));
    expect(await handle(await bench.receive(spawnOf("ada"), { ApproximateReceiveCount: "3" }))).toEqual(done);
    expect(bench.lines.map(({ outcome }) => outcome)).toEqual([undefined, "exhausted"]);
  });

  it("stays where it is when it can neither be given back nor become a letter, and the line says both", async () => {
    const retried = await bench.receive(spawnOf("ada"));
    const refused = await bench.receive(spawnOf("ada"));
    bench.setFault(() => "down");
    expect(await bench.handler({ ensure: failing(busy) })(retried)).toEqual(comesBack(retried));
    expect(await bench.handler({ ensure: failing(new Permanent("account.taken", "taken")) })(refused)).toEqual(
      comesBack(refused),
    );
    expect(bench.lines).toMatchObject([
      { event: "stage.retried", reason: expect.stringMatching(/answered 503: busy .*the queue is down/) },
      { event: "stage.not-dead-lettered", level: "error", reason: expect.stringMatching(/taken .*the queue is down/) },
    ]);
  });

  it("unexpectedly comes back, loud and with its stack", async () => {
    const ensure = failing(new TypeError("cannot read properties of undefined"));
    const record = await bench.receive(spawnOf("ada"));
    expect(await bench.handler({ ensure })(record)).toEqual(comesBack(record));
    expect(bench.lines).toMatchObject([
      {
        event: "stage.retried",
        level: "error",
        code: "stage.unexpected",
        reason: "unexpected: TypeError: cannot read properties of undefined",
        stack: expect.stringContaining("stage-failures.test.ts"),
      },
    ]);
  });

  it.each([["text"], [undefined], [{ status: 500 }]])(
    "by throwing %j, which is no error, comes back as well",
    async (thrown) => {
      const record = await bench.receive(spawnOf("ada"));
      expect(await bench.handler({ ensure: failing(thrown) })(record)).toEqual(comesBack(record));
      expect(bench.lines).toMatchObject([{ event: "stage.retried", code: "stage.unexpected" }]);
    },
  );
});

describe("a message that cannot be handed on", () => {
  it("comes back as Retryable, although its own stage was done", async () => {
    bench.setFault(({ queue }) => (queue.includes("team") ? "down" : undefined));
    const record = await bench.receive(spawnOf("ada"));
    expect(await bench.handler()(record)).toEqual(comesBack(record));
    expect(bench.lines).toMatchObject([{ event: "stage.retried", code: "queue.unreachable" }]);
  });

  it("because too much is known about its person becomes a letter that a replay can use", async () => {
    const envelope = spawnOf("ada");
    const groups = Array.from({ length: 6_000 }, (_, place) => ({
      dn: `cn=${"g".repeat(150)}${place}`,
      id: String(place),
      name: "g",
    }));
    const identity = {
      directoryId: "id",
      username: "ada",
      logins: ["ada"],
      dn: "uid=ada",
      createdAt: null,
      fullName: "Ada",
      email: "ada@uni.example",
      groups,
      isAdmin: false,
    };
    const ensure: BareEnsure = async () => ({ outcome: "unchanged", learned: { identity } });
    expect(await bench.handler({ name: "identity", ensure })(await bench.receive(envelope))).toEqual(done);
    expect(bench.letterOf(envelope)).toMatchObject({ class: "permanent", code: "envelope.too-large", envelope });
  });

  it("is not handed on by work that ends after the deadline", async () => {
    const late = Promise.withResolvers<void>();
    const ensure: BareEnsure = async () => {
      await late.promise;
      return { outcome: "created" };
    };
    const record = await bench.receive(spawnOf("ada"));
    expect(await bench.handler({ ensure, milliseconds: 100 })(record)).toEqual(comesBack(record));
    late.resolve();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(bench.said()).toEqual(["ChangeMessageVisibility account"]);
    expect(bench.lines).toMatchObject([{ event: "stage.retried", code: "stage.deadline" }]);
  });
});

describe("a message without the attributes that SQS promises", () => {
  it("is handled like one that was just received for the first time", async () => {
    const broken = { ApproximateReceiveCount: "", ApproximateFirstReceiveTimestamp: "", SentTimestamp: "" };
    const retried = await bench.receive(spawnOf("ada"), broken);
    expect(await bench.handler({ ensure: failing(new Retryable("gitea.failing", "busy")) })(retried)).toEqual(
      comesBack(retried),
    );
    expect(await bench.handler()(await bench.receive("not JSON", broken))).toEqual(done);
    expect(bench.lines).toMatchObject([
      { event: "stage.retried", attempt: 1 },
      { event: "stage.dead-lettered", attempt: 1 },
    ]);
  });
});
