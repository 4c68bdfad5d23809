import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { loadSettings } from "#shared/config.ts";
import { createConnect, LIMITS } from "#shared/directory/connection.ts";
import { equals } from "#shared/directory/filters.ts";
import {
  bound,
  entry,
  environmentFor,
  type FaultServer,
  halfOf,
  reference,
  type Script,
  searchDone,
  startFaultServer,
} from "./support/ldap-faults.ts";
import { directoryFor } from "./support/slapd.ts";

const ADA = "uid=ada,ou=people,dc=uni,dc=example";
const adaIs = { uid: ["ada"], cn: ["Ada Lovelace"], mail: ["ada@uni.example"], entryUUID: ["id-ada"] };
const ada = (id: number) => entry(id, ADA, adaIs);

/** Binds, finds ada, and finds her in no group. */
const healthy: Script = ({ operation, id }, count) => {
  if (operation === "bind") return [bound(id)];
  return count === 1 ? [ada(id), searchDone(id)] : [searchDone(id)];
};
/** Healthy up to its `at`th search, which goes as told. */
const atSearch =
  (at: number, steps: (id: number) => ReturnType<Script>): Script =>
  (request, count) =>
    request.operation === "search" && count === at ? steps(request.id) : healthy(request, count);

const servers: FaultServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});
const start = async (script: Script) => {
  const server = await startFaultServer(script);
  servers.push(server);
  return server;
};

const QUICK = { connectMilliseconds: 600, operationMilliseconds: 600, wholeMilliseconds: 6_000 };

const lookUpAt = async (...urls: string[]) => {
  const directory = await directoryFor(environmentFor(urls), { limits: QUICK });
  return directory.lookUp({ by: "name", value: "ada" }, AbortSignal.timeout(15_000));
};

describe("a server that misbehaves", () => {
  const broken: [string, Script][] = [
    ["hangs up in the middle of an entry", atSearch(1, (id) => [halfOf(ada(id)), "close"])],
    ["sends half an entry and then nothing", atSearch(1, (id) => [halfOf(ada(id))])],
    ["hangs up after the bind", ({ id }) => [bound(id), "close"]],
    ["hangs up instead of the group search's answer", atSearch(2, () => ["close"])],
    ["accepts and never answers", () => ["silence"]],
    ["answers the bind and no search", atSearch(1, () => ["silence"])],
    ["is busy at the bind", ({ id }) => [bound(id, 51, "busy")]],
    ["is unavailable at the search", atSearch(1, (id) => [searchDone(id, 52)])],
    ["is broken inside", atSearch(2, (id) => [searchDone(id, 80)])],
    ["wants a bind it has just had (AD's operations error)", atSearch(1, (id) => [searchDone(id, 1)])],
  ];

  it.each(broken)("is left for the next one: %s", async (_, script) => {
    const [first, second] = [await start(script), await start(healthy)];
    expect(await lookUpAt(first.url, second.url)).toMatchObject({
      state: "present",
      identity: { directoryId: "id-ada" },
    });
  });

  it.each(broken)("is Retryable, never 'gone', when it is the only one: %s", async (_, script) => {
    const { url } = await start(script);
    await expect(lookUpAt(url)).rejects.toMatchObject({
      name: "Retryable",
      code: expect.stringMatching(/^ldap\.(unreachable|busy)$/),
    });
  });

  it("is told as busy when all say so", async () => {
    const busy: Script = ({ id }) => [bound(id, 51)];
    const [first, second] = [await start(busy), await start(busy)];
    await expect(lookUpAt(first.url, second.url)).rejects.toMatchObject({ code: "ldap.busy" });
  });

  it("never has its answer used after the connection came back anonymous", async () => {
    const server = await start(({ operation, id }, count) => {
      if (operation === "bind") return [bound(id)];
      return count === 1 ? [ada(id), searchDone(id), "close"] : [ada(id), searchDone(id)];
    });
    const settings = await loadSettings(["directory"], environmentFor([server.url]));
    const connect = createConnect(settings, { now: Date.now, limits: LIMITS });
    const filter = equals("uid", "ada");
    const twoSearches = connect(AbortSignal.timeout(15_000), async (connection) => {
      await connection.search("dc=uni,dc=example", { filter });
      await sleep(100);
      return await connection.search("dc=uni,dc=example", { filter });
    });
    await expect(twoSearches).rejects.toMatchObject({
      code: "ldap.unreachable",
      message: expect.stringContaining("anonymous"),
    });
    expect(server.seen.filter((operation) => operation === "search")).toHaveLength(2);
  });
});

describe("answers that are not complete", () => {
  it.each([
    ["a referral", (id: number) => [searchDone(id, 10)], "ldap.referral"],
    [
      "a reference to another server",
      (id: number) => [ada(id), reference(id, "ldap://b/ou=x,dc=uni"), searchDone(id)],
      "ldap.referral",
    ],
    ["a time limit", (id: number) => [searchDone(id, 3)], "ldap.limit"],
    ["an administrative limit", (id: number) => [ada(id), searchDone(id, 11)], "ldap.limit"],
    ["insufficient access", (id: number) => [searchDone(id, 50)], "ldap.forbidden"],
    ["no such base", (id: number) => [searchDone(id, 32)], "ldap.base-missing"],
    ["a bad DN", (id: number) => [searchDone(id, 34)], "ldap.bad-dn"],
    ["a code that nobody knows", (id: number) => [searchDone(id, 4242)], "ldap.refused"],
  ])("are faults of settings, the same on every server: %s", async (_, steps, code) => {
    const [first, second] = [await start(atSearch(1, steps)), await start(healthy)];
    await expect(lookUpAt(first.url, second.url)).rejects.toMatchObject({ name: "Retryable", code });
    expect(second.seen).toEqual([]);
  });

  it("are refused for groups as well, where half a list would cost somebody their access", async () => {
    const group = (id: number) => entry(id, "cn=a,ou=groups,dc=uni,dc=example", { cn: ["a"], entryUUID: ["id-a"] });
    const { url } = await start(atSearch(2, (id) => [group(id), searchDone(id, 4)]));
    await expect(lookUpAt(url)).rejects.toMatchObject({ name: "Retryable", code: "ldap.limit" });
  });

  it("are refused where a group's DN cannot be compared", async () => {
    const group = (id: number) =>
      entry(id, "cn=#0C0D41,ou=groups,dc=uni,dc=example", { cn: ["a"], entryUUID: ["id-a"] });
    const { url } = await start(atSearch(2, (id) => [group(id), searchDone(id)]));
    await expect(lookUpAt(url)).rejects.toMatchObject({ name: "Retryable", code: "directory.bad-dn" });
  });

  it("are complete in spite of AD's own housekeeping partitions", async () => {
    const zones = ["DC=DomainDnsZones,DC=uni", "DC=ForestDnsZones,DC=uni", "CN=Configuration,DC=uni"];
    const { url } = await start(
      atSearch(1, (id) => [
        ada(id),
        ...zones.map((zone) => reference(id, `ldap://uni.example/${zone}`)),
        searchDone(id),
      ]),
    );
    expect(await lookUpAt(url)).toMatchObject({ state: "present" });
  });
});
