import { afterEach, describe, expect, it } from "vitest";
import { FULL_READ_LIMITS } from "#shared/directory/connection.ts";
import { answering, dnOf, groupOf, type Steps, somebody } from "./support/ldap-answers.ts";
import {
  environmentFor,
  type FaultServer,
  halfOf,
  pageDone,
  reference,
  type Script,
  searchDone,
  startFaultServer,
} from "./support/ldap-faults.ts";
import { directoryFor } from "./support/slapd.ts";

const servers: FaultServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

const QUICK = { connectMilliseconds: 150, operationMilliseconds: 300, wholeMilliseconds: 1_500 };

const readAll = (...scripts: Script[]) => readWithin(QUICK, ...scripts);

async function readWithin(fullReadLimits: typeof QUICK, ...scripts: Script[]) {
  const started = await Promise.all(scripts.map((script) => startFaultServer(script)));
  servers.push(...started);
  const environment = environmentFor(started.map(({ url }) => url));
  const directory = await directoryFor(environment, { fullReadLimits });
  return await directory.readAll({ groupDns: [] }, AbortSignal.timeout(50_000));
}

const namesIn = ({ people }: { people: { username: string }[] }) => people.map(({ username }) => username);

describe("a full read from a server that misbehaves", () => {
  it("16 goes on after an empty page that has a cookie, where ldapts would stop", async () => {
    const all = await readAll(
      answering(
        (id) => [somebody(id, "ada"), pageDone(id, "more")],
        (id) => [pageDone(id, "even more")],
        (id) => [somebody(id, "bob"), pageDone(id)],
      ),
    );
    expect(namesIn(all)).toEqual(["ada", "bob"]);
    expect(all.anomalies).toEqual([]);
  });

  it("16 does not believe a server that ignores the paging", async () => {
    const reading = readAll(answering((id) => [somebody(id, "ada"), searchDone(id)]));
    await expect(reading).rejects.toMatchObject({ message: expect.stringContaining("without the paging") });
  });

  it("counts who is in two pages once", async () => {
    const all = await readAll(
      answering(
        (id) => [somebody(id, "ada"), pageDone(id, "more")],
        (id) => [somebody(id, "ada"), pageDone(id)],
      ),
    );
    expect(namesIn(all)).toEqual(["ada"]);
    expect(all.broken).toEqual([]);
  });

  const broken: [string, (id: number) => Steps][] = [
    ["17 half an entry, then a hang-up", (id) => [halfOf(somebody(id, "bob")), "close"]],
    ["17 half an entry, then nothing", (id) => [halfOf(somebody(id, "bob"))]],
    ["18 silence", () => ["silence"]],
    ["a hang-up between two pages", () => ["close"]],
  ];

  it.each(broken)("begins anew on the next server: %s", async (_, secondPage) => {
    const failing = answering((id) => [somebody(id, "ada"), pageDone(id, "more")], secondPage);
    const healthy = answering((id) => [somebody(id, "eve"), pageDone(id)]);
    expect(namesIn(await readAll(failing, healthy))).toEqual(["eve"]);
  });

  it.each(broken)("fails, so that nobody seems gone, when it is the only one: %s", async (_, secondPage) => {
    const failing = answering((id) => [somebody(id, "ada"), pageDone(id, "more")], secondPage);
    await expect(readAll(failing)).rejects.toMatchObject({ name: "Retryable", code: "ldap.unreachable" });
  });

  it.each([
    ["19 a referral instead of a page", (id: number) => [searchDone(id, 10)], "ldap.referral"],
    [
      "19 a reference in the last page",
      (id: number) => [reference(id, "ldap://b/ou=x,dc=uni"), pageDone(id)],
      "ldap.referral",
    ],
    ["20 a size limit with entries", (id: number) => [somebody(id, "bob"), searchDone(id, 4)], "ldap.limit"],
    ["20 an administrative limit", (id: number) => [searchDone(id, 11)], "ldap.limit"],
  ])("keeps what came and says that it is not all: %s", async (_, secondPage, code) => {
    const all = await readAll(answering((id) => [somebody(id, "ada"), pageDone(id, "more")], secondPage));
    expect(namesIn(all)).toEqual(["ada"]);
    expect(all.anomalies.map((anomaly) => anomaly.code)).toEqual([code]);
  });

  it("21 puts a member list together that comes in ranges", async () => {
    const all = await readAll(
      answering(
        (id) => [somebody(id, "ada"), somebody(id, "bob"), somebody(id, "eve"), pageDone(id)],
        (id) => [groupOf(id, "large", { "member;range=0-0": [dnOf("ada")], member: [] }), pageDone(id)],
        (id) => [groupOf(id, "large", { "member;range=1-1": [dnOf("bob")] }), searchDone(id)],
        (id) => [groupOf(id, "large", { "member;range=2-*": [dnOf("eve")] }), searchDone(id)],
      ),
    );
    expect(all.people.map(({ groups }) => groups.map(({ name }) => name))).toEqual([["large"], ["large"], ["large"]]);
    expect(all.anomalies).toEqual([]);
  });

  it("21 ends with a server that gives the same part of a member list for ever, as incomplete", async () => {
    const again = (id: number) => [
      groupOf(id, "large", { "member;range=0-0": [dnOf("ada")], member: [] }),
      searchDone(id),
    ];
    const all = await readAll(
      answering(
        (id) => [somebody(id, "ada"), pageDone(id)],
        (id) => [groupOf(id, "large", { "member;range=0-0": [dnOf("ada")], member: [] }), pageDone(id)],
        again,
        again,
      ),
    );
    expect(all.anomalies.map(({ code }) => code)).toEqual(["ldap.range"]);
  });

  it("21 says incomplete when a range is missing", async () => {
    const all = await readAll(
      answering(
        (id) => [somebody(id, "ada"), pageDone(id)],
        (id) => [groupOf(id, "large", { "member;range=0-0": [dnOf("ada")], member: [] }), pageDone(id)],
        (id) => [groupOf(id, "large", {}), searchDone(id)],
      ),
    );
    expect(all.anomalies.map(({ code }) => code)).toEqual(["ldap.range"]);
  });

  it("says incomplete for a member that is no DN, and takes the empty DN for nobody", async () => {
    const all = await readAll(
      answering(
        (id) => [somebody(id, "ada"), pageDone(id)],
        (id) => [groupOf(id, "odd", { member: ["", `${dnOf("ada")}`, "uid=ada,,dc=x"] }), pageDone(id)],
      ),
    );
    expect(all.anomalies.map(({ code }) => code)).toEqual(["directory.bad-member"]);
    expect(all.people[0]?.groups.map(({ name }) => name)).toEqual(["odd"]);
  });

  it("22 reads 150,000 entries page by page, and fails loudly where they come in one", async () => {
    const pages = Array.from({ length: 150 }, (_, page) => (id: number): Steps => {
      const names = Array.from({ length: 1_000 }, (_place, place) => `p${page * 1_000 + place}`);
      return [Buffer.concat(names.map((name) => somebody(id, name))), pageDone(id, page < 149 ? "more" : "")];
    });
    const all = await readWithin(FULL_READ_LIMITS, answering(...pages));
    expect([all.people.length, all.anomalies]).toEqual([150_000, []]);

    const atOnce = answering((id) => [...pages.flatMap((page) => page(id).slice(0, 1)), pageDone(id)]);
    await expect(readWithin(FULL_READ_LIMITS, atOnce)).rejects.toMatchObject({ name: "Retryable" });
  }, 60_000);
});
