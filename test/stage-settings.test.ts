import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { loadSettings } from "#shared/config.ts";
import { Unauthorized } from "#shared/errors.ts";
import { type Connect, type Ensure, stage } from "#shared/stage.ts";
import { spawnOf } from "./support/envelopes.ts";
import { startSecretStore } from "./support/secret-store.ts";
import { type BareConnect, comesBack, done, type StageBench, startStageBench } from "./support/stage-bench.ts";

let bench: StageBench;
beforeAll(async () => {
  bench = await startStageBench();
});
afterAll(() => bench.stop());
beforeEach(() => bench.forget());

describe("settings", () => {
  const gitea: BareConnect = async (given) => {
    await loadSettings(["gitea"], given);
    return () => ({});
  };

  it("that are wrong make every event wait, and one loud line names each variable", async () => {
    const record = await bench.receive(spawnOf("ada"));
    const handle = bench.handler({
      connect: gitea,
      environment: { GITEA_URL: "git", GITEA_SHARING: "yes", RETRY_FOR_MINUTES: "0", LOG_LEVEL: "info" },
    });
    expect(await handle(record)).toEqual(comesBack(record));
    expect(bench.lines).toMatchObject([{ event: "stage.retried", level: "error", code: "settings.wrong" }]);
    for (const name of ["GITEA_URL", "GITEA_TOKEN", "GITEA_SHARING", "RETRY_FOR_MINUTES"]) {
      expect(bench.lines[0]?.reason).toContain(name);
    }
  });

  it("that were wrong once are read again, without a restart", async () => {
    const given: Record<string, string | undefined> = { ...bench.environment, GITEA_URL: "http://git.uni.example" };
    const handler = stage("account", gitea, async () => ({ outcome: "created" }), given);
    const context = { getRemainingTimeInMillis: () => 10_000 };
    const record = await bench.receive(spawnOf("ada"));
    expect(await handler({ Records: [record] }, context)).toEqual(comesBack(record));
    given["GITEA_TOKEN"] = "token";
    expect(await handler({ Records: [record] }, context)).toEqual(done);
  });

  it("are read once for many events", async () => {
    let connects = 0;
    const connect: BareConnect = async () => {
      connects += 1;
      return () => ({});
    };
    const handle = bench.handler({ connect });
    for (let event = 0; event < 3; event += 1) await handle(await bench.receive(spawnOf("ada")));
    expect(connects).toBe(1);
  });

  it("whose start failed by an unexpected error are read again too", async () => {
    let connects = 0;
    const connect: BareConnect = async () => {
      connects += 1;
      if (connects === 1) throw new TypeError("first time");
      return () => ({});
    };
    const handle = bench.handler({ connect });
    const record = await bench.receive(spawnOf("ada"));
    expect(await handle(record)).toEqual(comesBack(record));
    expect(await handle(record)).toEqual(done);
  });
});

describe("a secret that was rotated", () => {
  /** A Gitea that takes one token, as far as this stage can tell. */
  const guarded = (rightToken: () => string) => {
    const connect: Connect<{ token: string | undefined }> = async (given) => {
      const { GITEA_TOKEN: token } = await loadSettings(["gitea"], given);
      return () => ({ token });
    };
    const ensure: Ensure<{ token: string | undefined }> = async (_envelope, { token }) => {
      if (token !== rightToken()) throw new Unauthorized("gitea.unauthorized", "GET /user answered 401");
      return { outcome: "unchanged" };
    };
    return { connect, ensure };
  };
  const context = { getRemainingTimeInMillis: () => 10_000 };

  it("in the parameter store is read again after the refusal, loudly, and costs one try", async () => {
    const store = await startSecretStore();
    vi.stubEnv("AWS_ENDPOINT_URL", store.endpoint);
    store.parameters.set("/hubforge/gitea-token", "old");
    let right = "old";
    const { connect, ensure } = guarded(() => right);
    const handler = stage("account", connect, ensure, {
      ...bench.environment,
      GITEA_URL: "http://git.uni.example",
      GITEA_TOKEN: "ssm:/hubforge/gitea-token",
    });
    const answers: number[] = [];
    const handle = async () =>
      answers.push(
        (await handler({ Records: [await bench.receive(spawnOf("ada"))] }, context)).batchItemFailures.length,
      );
    await handle();
    await handle();
    expect(store.asked).toHaveLength(1);
    right = "new";
    store.parameters.set("/hubforge/gitea-token", "new");
    await handle();
    await handle();
    vi.unstubAllEnvs();
    await store.stop();
    expect(answers).toEqual([0, 0, 1, 0]);
    expect(store.asked).toHaveLength(2);
    expect(bench.lines.map(({ level, code }) => `${level} ${code}`)).toEqual([
      "info undefined",
      "info undefined",
      "error gitea.unauthorized",
      "info undefined",
    ]);
  });

  it("in the environment as well", async () => {
    const given: Record<string, string | undefined> = {
      ...bench.environment,
      GITEA_URL: "http://git.uni.example",
      GITEA_TOKEN: "old",
    };
    const { connect, ensure } = guarded(() => "new");
    const handler = stage("account", connect, ensure, given);
    const record = await bench.receive(spawnOf("ada"));
    expect(await handler({ Records: [record] }, context)).toEqual(comesBack(record));
    given["GITEA_TOKEN"] = "new";
    expect(await handler({ Records: [record] }, context)).toEqual(done);
  });
});
