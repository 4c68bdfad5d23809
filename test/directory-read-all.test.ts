import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Everybody } from "#shared/directory.ts";
import { makeCertificates } from "./support/certificates.ts";
import { directoryFor, lookUp, newGroup, newPerson, startTestSlapd, type TestSlapd } from "./support/slapd.ts";

const SUFFIX = "dc=uni,dc=example";
const CLOSED = "ldap://127.0.0.1:9";

let slapd: TestSlapd;
beforeAll(async () => {
  slapd = await startTestSlapd();
});
afterAll(() => slapd.stop());

type Changes = Record<string, string | undefined>;

async function readAll(changes: Changes = {}, from: Pick<TestSlapd, "environment"> = slapd, groupDns: string[] = []) {
  const directory = await directoryFor({ ...from.environment, ...changes });
  return await directory.readAll({ groupDns }, AbortSignal.timeout(20_000));
}

const find = ({ people }: Everybody, username: string) => people.find((person) => person.username === username);
const groupsOf = (all: Everybody, username: string) => find(all, username)?.groups.map(({ name }) => name);
const many = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, place) => newPerson(`${prefix}${place}`)).join("\n");

describe("the full read", () => {
  it("finds everybody of the small university, with nothing to object to", async () => {
    const all = await readAll();
    expect(all.people.map(({ username }) => username).toSorted()).toEqual([
      "ada",
      "bob",
      "carol",
      "dan",
      "ilumadmin",
      "jdoe",
    ]);
    expect(all).toMatchObject({ anomalies: [], broken: [], missingGroups: [], unresolvedMembers: 0 });
    expect(all.groups.map(({ name }) => name).toSorted()).toEqual(["datasci", "jupyterhub", "teachers"]);
  });

  const variants: [string, Changes][] = [
    ["with the settings as they are", {}],
    ["with allowed groups", { LDAP_ALLOWED_GROUPS: JSON.stringify([`CN=Teachers, ou=groups,${SUFFIX}`]) }],
    ["with groups left out by the filter (F9)", { LDAP_GROUP_SEARCH_FILTER: "(&(member={0})(!(cn=old-*)))" }],
    [
      "with uniqueMember (F9)",
      {
        LDAP_GROUP_SEARCH_FILTER: "(&(objectClass=groupOfUniqueNames)(uniqueMember={0}))",
        LDAP_GROUP_MEMBER_ATTRIBUTE: "uniqueMember",
      },
    ],
    ["with memberUid (F9)", { LDAP_GROUP_SEARCH_FILTER: "(memberUid={0})", LDAP_GROUP_MEMBER_ATTRIBUTE: "memberUid" }],
    [
      "with another user filter",
      { LDAP_USER_SEARCH_FILTER: "(&(objectClass=inetOrgPerson)(|(uid={0})(mail={0}@uni.example)))" },
    ],
    ["with names as ids", { LDAP_ID_ATTRIBUTE: "uid" }],
  ];

  it.each(variants)("judges everybody exactly as a look-up does: %s", async (_, changes) => {
    await seedOddities();
    const all = await readAll(changes);
    expect(all.people.length).toBeGreaterThan(5);
    for (const { gone, ...identity } of all.people) {
      const found = await lookUp(slapd, { by: "id", value: identity.directoryId }, changes);
      if (found.state === "present") expect({ gone, identity }).toEqual({ gone: undefined, identity: found.identity });
      else expect(gone).toEqual({ code: found.code, reason: found.reason });
    }
  });

  it.each([
    ["(|(member={0})(cn=everybody))"],
    ["(|(member={0})(owner={0}))"],
    ["(&(member={0})(!(owner={0})))"],
    ["(!(member={0}))"],
  ])("F9 refuses to start with a group filter that spawn and sync would read differently: %s", async (filter) => {
    const settings = { LDAP_GROUP_SEARCH_FILTER: filter };
    await expect(readAll(settings)).rejects.toThrow(/LDAP_GROUP_SEARCH_FILTER.*LDAP_GROUP_MEMBER_ATTRIBUTE/);
  });

  it("3 and 4 follow nesting and cycles, odd spelling, commas and UTF-8 in DNs", async () => {
    await seedOddities();
    const all = await readAll();
    expect(groupsOf(all, "carol")).toEqual(["jupyterhub", "teachers"]);
    expect(groupsOf(all, "round")).toEqual(["ring-a", "ring-b", "ring-c"]);
    expect(groupsOf(all, "żółć")).toEqual(["spelled"]);
  });

  it("counts members that it cannot resolve, and takes an empty group for empty, not for missing", async () => {
    await slapd.modify(newGroup("dangling", "uid=nobody-any-more,ou=people"));
    await slapd.modify(
      `dn: cn=empty,ou=groups,${SUFFIX}\nchangetype: add\nobjectClass: posixGroup\ncn: empty\ngidNumber: 77\n`,
    );
    const all = await readAll({}, slapd, [`cn=empty,ou=groups,${SUFFIX}`, `cn=datasci,ou=groups,${SUFFIX}`]);
    expect(all.unresolvedMembers).toBeGreaterThan(0);
    expect(all).toMatchObject({ anomalies: [], missingGroups: [] });
  });

  it("10 names a configured group that is missing or lies outside the base", async () => {
    const groups = [`cn=renamed,ou=groups,${SUFFIX}`, `cn=reader,ou=services,${SUFFIX}`];
    expect((await readAll({}, slapd, groups)).missingGroups).toEqual(groups);
  });

  it("31 tells broken entries by their DN and goes on", async () => {
    await slapd.modify(
      `dn: cn=Nameless,ou=people,${SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: Nameless\nsn: x\nmail: nameless@uni.example\n`,
    );
    const settings = { LDAP_USER_SEARCH_FILTER: "(|(uid={0})(mail={0}))", LDAP_USER_ATTRIBUTE: "uid" };
    const all = await readAll(settings);
    expect(all.broken).toMatchObject([
      {
        dn: `cn=Nameless,ou=people,${SUFFIX}`,
        code: "directory.no-name",
        directoryId: expect.stringMatching(/^[0-9a-f]{8}-/),
      },
    ]);
    expect(find(all, "ada")).toBeDefined();
    expect(all.anomalies).toEqual([]);
  });

  it("31 marks the read incomplete when an entry could be anybody, or shares its id", async () => {
    const settings = { LDAP_USER_SEARCH_FILTER: "(|(uid={0})(mail={0}))", LDAP_ID_ATTRIBUTE: "employeeNumber" };
    expect((await readAll(settings)).anomalies.map(({ code }) => code)).toContain("directory.nameless");
    const shared = await readAll({ LDAP_ID_ATTRIBUTE: "objectClass" });
    expect(shared.broken.map(({ code }) => code)).toContain("directory.same-id");
  });

  it("6 finds a renamed person under the id they had", async () => {
    await slapd.modify(newPerson("oldname"));
    const before = find(await readAll(), "oldname");
    await slapd.modify(
      `dn: uid=oldname,ou=people,${SUFFIX}\nchangetype: modrdn\nnewrdn: uid=newname\ndeleteoldrdn: 1\n`,
    );
    expect(find(await readAll(), "newname")?.directoryId).toBe(before?.directoryId);
  });

  it("says no age where names are the ids: such a directory is made anew at every start", async () => {
    expect(find(await readAll({ LDAP_ID_ATTRIBUTE: "UID" }), "ada")).toMatchObject({
      directoryId: "ada",
      createdAt: null,
    });
    expect(find(await readAll(), "ada")?.createdAt).toMatch(/Z$/);
  });

  it("13 goes on to the second server where the first is down", async () => {
    expect(find(await readAll({ LDAP_URLS: `${CLOSED} ${slapd.url}` }), "ada")).toBeDefined();
  });

  it("14 tries a wrong password once, and 15 refuses empty ones at start", async () => {
    const wrong = { LDAP_BIND_PASSWORD: "wrong-for-read-all" };
    await expect(readAll(wrong)).rejects.toMatchObject({ code: "ldap.unauthorized", message: /failed/ });
    await expect(readAll(wrong)).rejects.toMatchObject({ message: expect.stringContaining("not tried again") });
    await expect(readAll({ LDAP_BIND_PASSWORD: "" })).rejects.toThrow("LDAP_BIND_PASSWORD");
    await expect(readAll({ LDAP_BIND_DN: "" })).rejects.toThrow("LDAP_BIND_DN");
  });

  it("11 reads over ldaps, and not at all with a wrong authority", async () => {
    const [ours, strangers] = await Promise.all([makeCertificates(), makeCertificates()]);
    const encrypted = await startTestSlapd({ tls: ours });
    try {
      const settings = { LDAP_URLS: encrypted.ldapsUrl, LDAP_CA: ours.authority };
      expect((await readAll(settings, encrypted)).people).toHaveLength(6);
      const wrong = readAll({ ...settings, LDAP_CA: strangers.authority }, encrypted);
      await expect(wrong).rejects.toMatchObject({
        code: "ldap.unreachable",
        message: expect.stringMatching(/certificate/i),
      });
    } finally {
      await encrypted.stop();
      await Promise.all([ours.remove(), strangers.remove()]);
    }
  });
});

describe("limits and rights", () => {
  const at = async (config: string | undefined, test: (limited: TestSlapd) => Promise<void>) => {
    const limited = await startTestSlapd(config === undefined ? {} : { config });
    try {
      await test(limited);
    } finally {
      await limited.stop();
    }
  };
  const READER = `dn.exact="cn=reader,ou=services,${SUFFIX}"`;

  it("1 pages past a size limit of 500, where the account may", () =>
    at(undefined, async (large) => {
      await large.modify(many("p", 1_200));
      const all = await readAll({}, large);
      expect(all.people).toHaveLength(1_206);
      expect(all.anomalies).toEqual([]);
    }));

  it("1 keeps what came and says incomplete, where it may not", () =>
    at(
      `limits ${READER} size.soft=unlimited size.hard=unlimited size.pr=noEstimate size.prtotal=1100`,
      async (limited) => {
        await limited.modify(many("p", 1_200));
        const all = await readAll({}, limited);
        expect(all.anomalies).toMatchObject([{ code: "ldap.limit" }]);
        expect(all.people).toHaveLength(1_000);
        expect(groupsOf(all, "ada")).toEqual(["datasci", "jupyterhub"]);
      },
    ));

  it("2 says nobody for an account that may see nobody, and fails where the base is hidden", async () => {
    await at(`access to dn.children="ou=people,${SUFFIX}" by anonymous auth by * none`, async (blind) => {
      expect((await readAll({}, blind)).people).toEqual([]);
    });
    await at(`access to dn.subtree="ou=people,${SUFFIX}" by anonymous auth by * none`, async (blind) => {
      await expect(readAll({}, blind)).rejects.toMatchObject({ code: "ldap.base-missing" });
    });
  });

  it("12 fails when slapd is killed in the middle of the read", () =>
    at(undefined, async (dying) => {
      await dying.modify(many("p", 3_000));
      const directory = await directoryFor(dying.environment);
      let killed: Promise<void> | undefined;
      const onPeople = () => {
        killed ??= dying.kill();
      };
      const reading = directory.readAll({ groupDns: [], onPeople }, AbortSignal.timeout(20_000));
      await expect(reading).rejects.toMatchObject({ name: "Retryable", code: "ldap.unreachable" });
      await killed;
    }));
});

let isSeeded = false;

/** People and groups that are easy to get wrong. */
async function seedOddities(): Promise<void> {
  if (isSeeded) return;
  isSeeded = true;
  await slapd.modify(newPerson("round"));
  await slapd.modify(newGroup("ring-a", "uid=round,ou=people", "cn=ring-c,ou=groups"));
  await slapd.modify(newGroup("ring-b", "cn=ring-a,ou=groups", "cn=ring-b,ou=groups"));
  await slapd.modify(newGroup("ring-c", "cn=ring-b,ou=groups"));
  await slapd.modify(
    `dn: cn=Comma\\2C Ż \\5C Person,ou=people,${SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\nsn: x\nuid: żółć\n`,
  );
  await slapd.modify(
    newGroup("spelled", "cn=x").replace(/member: .*/, `member: CN=comma\\, Ż \\\\  person, OU=People,${SUFFIX}`),
  );
  await slapd.modify(newPerson("frank"));
  await slapd.modify(newGroup("old-lab", "uid=frank,ou=people"));
  await slapd.modify(newGroup("lab", "cn=old-lab,ou=groups"));
  const unique = (cn: string, value: string) =>
    slapd.modify(
      `dn: cn=${cn},ou=groups,${SUFFIX}\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: ${cn}\nuniqueMember: ${value}\n`,
    );
  await unique("unique", `UID=Bob,OU=People,${SUFFIX}`);
  await unique("unique-bits", `uid=dan,ou=people,${SUFFIX}#'0101'B`);
  const posix = (cn: string, gid: number, member: string) =>
    slapd.modify(
      `dn: cn=${cn},ou=groups,${SUFFIX}\nchangetype: add\nobjectClass: posixGroup\ncn: ${cn}\ngidNumber: ${gid}\nmemberUid: ${member}\n`,
    );
  await posix("unix-a", 1001, "jdoe");
  await posix("unix-b", 1002, "jane.doe");
  await posix("unix-c", 1003, "JDoe");
  await slapd.modify(newGroup("above", "cn=unix-a,ou=groups"));
  await slapd.modify(newPerson("banned"));
  await slapd.modify(
    `dn: uid=banned,ou=people,${SUFFIX}\nchangetype: modify\nreplace: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n`,
  );
}
