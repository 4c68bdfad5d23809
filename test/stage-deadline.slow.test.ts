import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Retryable } from "#shared/errors.ts";
import { spawnOf } from "./support/envelopes.ts";
import { startSilence } from "./support/ports.ts";
import { type BareEnsure, comesBack, failing, type StageBench, startStageBench } from "./support/stage-bench.ts";

let bench: StageBench;
beforeAll(async () => {
  bench = await startStageBench();
});
afterAll(() => bench.stop());
beforeEach(() => bench.forget());

const forever: BareEnsure = () => new Promise(() => undefined);

describe("work that does not end", () => {
  it.each([
    [1_000, 800],
    [900_000, 8_000], // a function may be given more time; the visibility time-out counts on 8 s
  ])("is given up, of %i ms that Lambda gives, after %i ms", async (milliseconds, expected) => {
    const record = await bench.receive(spawnOf("ada"));
    let stoppedAt = 0;
    const ensure: BareEnsure = (envelope, tools) => {
      tools.signal.addEventListener("abort", () => {
        stoppedAt = performance.now();
      });
      return forever(envelope, tools);
    };
    const startedAt = performance.now();
    expect(await bench.handler({ ensure, milliseconds })(record)).toEqual(comesBack(record));
    expect(stoppedAt - startedAt).toBeGreaterThan(expected - 50);
    expect(stoppedAt - startedAt).toBeLessThan(expected + 2_000);
    expect(bench.lines).toMatchObject([{ event: "stage.retried", code: "stage.deadline" }]);
  });

  it("comes back also where no time is left", async () => {
    const record = await bench.receive(spawnOf("ada"));
    expect(await bench.handler({ ensure: forever, milliseconds: -5 })(record)).toEqual(comesBack(record));
  });
});

describe("when SQS does not answer at all", () => {
  it("the handler still returns within its time", async () => {
    await using silent = await startSilence();
    const QUEUE_URL_ACCOUNT = `${silent.url}/1/account.fifo`;
    const handle = bench.handler({
      ensure: failing(new Retryable("gitea.failing", "busy")),
      environment: { AWS_ENDPOINT_URL: silent.url, QUEUE_URL_ACCOUNT },
      milliseconds: 1_000,
    });
    const record = await bench.receive(spawnOf("ada"));
    const startedAt = performance.now();
    expect(await handle(record)).toEqual(comesBack(record));
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});
