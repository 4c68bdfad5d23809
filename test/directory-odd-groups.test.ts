import { afterEach, describe, expect, it } from "vitest";
import { answering, dnOf, groupDnOf, groupOf, type Steps, somebody } from "./support/ldap-answers.ts";
import {
  entry,
  environmentFor,
  type FaultServer,
  pageDone,
  searchDone,
  startFaultServer,
} from "./support/ldap-faults.ts";
import { directoryFor, lookUp } from "./support/slapd.ts";

const servers: FaultServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

const people = (id: number): Steps => [somebody(id, "ada"), somebody(id, "bob"), pageDone(id)];
const lab = (id: number) => groupOf(id, "lab", { member: [dnOf("ada"), groupDnOf("odd")] });
const nameless = (id: number, attributes: Record<string, string[]> = {}) =>
  entry(id, groupDnOf("odd"), { cn: ["odd"], member: [dnOf("bob")], ...attributes });

async function serve(...searches: Parameters<typeof answering>) {
  const server = await startFaultServer(answering(...searches));
  servers.push(server);
  return { environment: environmentFor([server.url]) };
}

async function readAll(groups: (id: number) => Steps, settings: Record<string, string> = {}) {
  const { environment } = await serve(people, groups);
  const directory = await directoryFor({ ...environment, ...settings });
  return await directory.readAll({ groupDns: [groupDnOf("lab")] }, AbortSignal.timeout(20_000));
}

const groupsIn = (all: Awaited<ReturnType<typeof readAll>>) =>
  all.people.map(({ groups }) => groups.map(({ name }) => name));

describe("one odd group", () => {
  it("without an id is told by its DN, counts all the same, and stops nobody", async () => {
    const all = await readAll((id) => [lab(id), nameless(id), pageDone(id)]);
    expect(groupsIn(all)).toEqual([["lab"], ["lab", "odd"]]);
    expect(all.anomalies).toEqual([]);
    expect(all.oddGroups).toMatchObject([{ dn: groupDnOf("odd"), code: "directory.no-id" }]);
  });

  it("without an id is known by its DN to a look-up as well", async () => {
    const server = await serve(
      (id) => [somebody(id, "bob"), searchDone(id)],
      (id) => [nameless(id), searchDone(id)],
      (id) => [searchDone(id)],
    );
    const found = await lookUp(server, "bob");
    expect(found).toMatchObject({ identity: { groups: [{ id: groupDnOf("odd"), name: "odd" }] } });
  });

  it("whose DN cannot be compared proves nothing about absence, and the others are read", async () => {
    const all = await readAll((id) => [
      entry(id, "cn=#0401,ou=groups,dc=uni,dc=example", { cn: ["x"], entryUUID: ["x"], member: [dnOf("ada")] }),
      groupOf(id, "lab", { member: [dnOf("ada")] }),
      pageDone(id),
    ]);
    expect(groupsIn(all)).toEqual([["lab"], []]);
    expect(all.anomalies).toMatchObject([
      { code: "directory.bad-group", reason: expect.stringContaining('"cn=#0401,ou=groups') },
    ]);
  });
});

describe("a list of groups that breaks off", () => {
  it("lets nobody be judged by their groups, and misses none of them", async () => {
    const settings = { LDAP_ALLOWED_GROUPS: JSON.stringify([groupDnOf("lab")]) };
    const all = await readAll((id) => [lab(id), searchDone(id, 4)], settings);
    expect(all.anomalies.map(({ code }) => code)).toEqual(["ldap.limit"]);
    expect(all.people.map(({ gone }) => gone)).toEqual([undefined, undefined]);
    expect(all).toMatchObject({ areGroupsRead: false, missingGroups: [], silentGroups: [] });
    const whole = await readAll((id) => [lab(id), pageDone(id)], settings);
    expect(whole.people.map(({ gone }) => gone?.code)).toEqual([undefined, "person.not-allowed"]);
  });
});
