import { describe, expect, it, onTestFinished } from "vitest";
import { LIMITS } from "#shared/directory/connection.ts";
import { environmentFor, granted, type Script, startFaultServer } from "./support/ldap-faults.ts";
import { directoryFor } from "./support/slapd.ts";

const QUICK = { connectMilliseconds: 150, operationMilliseconds: 5_000, wholeMilliseconds: 6_000 };

const start = async (script: Script) => {
  const server = await startFaultServer(script);
  onTestFinished(server.stop);
  return server;
};

describe("time", () => {
  it("is up when the caller says so, whatever the server does", async () => {
    const { url } = await start(() => ["silence"]);
    const directory = await directoryFor(environmentFor([url]));
    const startedAt = performance.now();
    const lookUp = directory.lookUp({ by: "name", value: "ada" }, AbortSignal.timeout(200));
    await expect(lookUp).rejects.toMatchObject({ name: "Retryable", code: "ldap.unreachable" });
    expect(performance.now() - startedAt).toBeLessThan(LIMITS.operationMilliseconds);
  });

  it("is not spent at all when it was up before", async () => {
    const server = await start(() => ["silence"]);
    const directory = await directoryFor(environmentFor([server.url]));
    const lookUp = directory.lookUp({ by: "name", value: "ada" }, AbortSignal.abort());
    await expect(lookUp).rejects.toMatchObject({ code: "ldap.unreachable" });
    expect(server.seen).toEqual([]);
  });

  it("of a StartTLS that is granted and never done is a connect's", async () => {
    const { url, handshakes } = await start(({ id, operation }) =>
      operation === "extended" ? [granted(id)] : ["silence"],
    );
    const settings = { ...environmentFor([url.replace("127.0.0.1", "localhost")]), LDAP_START_TLS: "true" };
    const directory = await directoryFor(settings, { limits: QUICK });
    const startedAt = performance.now();
    const lookUp = directory.lookUp({ by: "name", value: "ada" }, AbortSignal.timeout(30_000));
    await expect(lookUp).rejects.toMatchObject({ name: "Retryable", code: "ldap.unreachable" });
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    // The name goes in clear (RFC 6066 §3), so that a server with several certificates shows the right one.
    expect(handshakes[0]?.toString("latin1")).toContain("localhost");
  });

  it("of a whole look-up ends before all servers that hang have had theirs", async () => {
    const silent = await Promise.all([1, 2, 3].map(() => start(() => ["silence"])));
    const limits = { connectMilliseconds: 1_500, operationMilliseconds: 2_000, wholeMilliseconds: 4_500 };
    const directory = await directoryFor(environmentFor(silent.map((server) => server.url)), { limits });
    const startedAt = performance.now();
    const lookUp = directory.lookUp({ by: "name", value: "ada" }, new AbortController().signal);
    await expect(lookUp).rejects.toMatchObject({ code: "ldap.unreachable" });
    expect(performance.now() - startedAt).toBeGreaterThan(4_400);
    expect(performance.now() - startedAt).toBeLessThan(5_900); // three servers' own time is 6 s
    expect(silent.map((server) => server.seen[0])).toEqual(["bind", "bind", "bind"]);
  });

  it("is short enough for a second server within the stage's 8 s, and for the stage to end by itself", () => {
    const { connectMilliseconds, operationMilliseconds, wholeMilliseconds } = LIMITS;
    expect(operationMilliseconds + connectMilliseconds).toBeLessThan(wholeMilliseconds);
    expect(wholeMilliseconds).toBeLessThan(8_000);
  });
});
