import { Client, escapeFilter, InvalidDNSyntaxError } from "ldapts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isWithin, MalformedDn, normalDn } from "#shared/directory/dn.ts";
import type { Slapd } from "../infra/local/slapd.ts";
import { startTestSlapd } from "./support/slapd.ts";

const sameEntry = [
  ["UID=ADA , OU = People,DC=ilum,dc=CLOUD", "uid=ada,ou=people,dc=ilum,dc=cloud"],
  ["cn=Comma\\2C Person,dc=x", "cn=Comma\\, Person,dc=x"],
  ['cn="Comma, Person",dc=x', "cn=Comma\\, Person,dc=x"],
  ["cn=Comma\\,  Person,dc=x", "cn=Comma\\, Person,dc=x"],
  ["cn=\\43omma\\2c Person,dc=x", "cn=Comma\\, Person,dc=x"],
  ["cn=\\20Comma\\, Person\\20,dc=x", "cn=Comma\\, Person,dc=x"],
  ["uid=ada;ou=people;dc=x", "uid=ada,ou=people,dc=x"],
  ["commonName=x,dc=y", "cn=x,dc=y"],
  ["2.5.4.3=x,dc=y", "cn=x,dc=y"],
  ["2.5.4.3=x,domainComponent=y", "cn=x,dc=y"],
  ["OU=Sales+CN=J. Smith,dc=x", "cn=J. Smith+ou=Sales,dc=x"],
  ["cn=Lu\\C4\\8Di\\C4\\87,dc=x", "cn=Lučić,dc=x"],
  ["cn=Z\u0307,dc=x", "cn=\u017B,dc=x"],
  ["cn=a\\+b\\\\c,dc=x", 'cn="a+b\\\\c",dc=x'],
  ["cn=\\#1 fan,dc=x", "cn=\\231 fan,dc=x"],
];

const otherEntry = [
  ["cn=admins,ou=groups,dc=x", "cn=admins,ou=subgroups,dc=x"],
  ["uid=ada\\,ou=people,dc=x", "uid=ada,ou=people,dc=x"],
  ["cn=a+ou=b,dc=x", "cn=a\\+ou=b,dc=x"],
  ["cn=ab,dc=x", "cn=a b,dc=x"],
];

const malformed = [
  "cn=Comma, Person,dc=x",
  "uid=ada,,dc=x",
  "uid=ad\\a,dc=x",
  'cn="open,dc=x',
  'cn="a"b,dc=x',
  'cn=a"b,dc=x',
  "OID.2.5.4.3=a,dc=x",
  "cn",
  "=a",
  "uid=ada,",
  "uid=ada\\",
  "cn=#0C0D41,dc=x",
  "cn=Lu\\C4,dc=x",
];

describe("33 DNs", () => {
  it.each(sameEntry)("takes %s for %s", (left, right) => {
    expect(normalDn(left)).toBe(normalDn(right));
  });

  it.each(otherEntry)("keeps %s and %s apart", (left, right) => {
    expect(normalDn(left)).not.toBe(normalDn(right));
  });

  it.each(malformed)("calls %s malformed instead of finding no match", (dn) => {
    expect(() => normalDn(dn)).toThrow(MalformedDn);
  });

  it("reads the empty DN, the dummy member of empty groups, as no entry", () => {
    expect(normalDn("")).toBe("");
  });

  it("gives the same spelling when it is applied twice", () => {
    for (const dn of [...sameEntry, ...otherEntry].flat()) expect(normalDn(normalDn(dn))).toBe(normalDn(dn));
  });

  it("knows what lies within a base, in any spelling", () => {
    expect(isWithin("cn=a,OU=Groups, dc=x", "ou=groups,dc=x")).toBe(true);
    expect(isWithin("ou=groups,dc=x", "ou=groups,dc=x")).toBe(true);
    expect(isWithin("cn=a,ou=othergroups,dc=x", "ou=groups,dc=x")).toBe(false);
    expect(isWithin("dc=x", "ou=groups,dc=x")).toBe(false);
  });
});

describe("33 slapd, asked the same questions", () => {
  let slapd: Slapd;
  let reader: Client;
  beforeAll(async () => {
    slapd = await startTestSlapd();
    reader = new Client({ url: slapd.url, timeout: 3_000 });
    await reader.bind(slapd.bindDn, slapd.bindPassword);
    const groups = [...sameEntry, ...otherEntry].map(([, member = ""], number) =>
      [
        `dn: cn=vector-${number},ou=groups,dc=uni,dc=example`,
        "changetype: add",
        "objectClass: groupOfNames",
        `member:: ${Buffer.from(member).toString("base64")}`,
        "",
      ].join("\n"),
    );
    await slapd.modify(groups.join("\n"));
  });
  afterAll(async () => {
    await reader.unbind();
    await slapd.stop();
  });

  /** Whether slapd takes `dn` for the member of the group made from vector `number`. */
  const isMember = async (dn: string, number: number) => {
    const filter = escapeFilter`(&(cn=${`vector-${number}`})(member=${dn}))`;
    const { searchEntries } = await reader.search("ou=groups,dc=uni,dc=example", { filter, attributes: ["1.1"] });
    return searchEntries.length === 1;
  };

  it.each(sameEntry.map(([left], number) => ({ left, number })))(
    "agrees about $left",
    async ({ left = "", number }) => {
      expect(await isMember(left, number)).toBe(true);
      expect(await isMember(normalDn(left), number)).toBe(true);
    },
  );

  it.each(otherEntry.map(([left], number) => ({ left, number })))(
    "agrees about $left",
    async ({ left = "", number }) => {
      expect(await isMember(left, sameEntry.length + number)).toBe(false);
    },
  );

  it.each(malformed)("calls %s malformed as well", async (dn) => {
    const search = reader.search(dn, { scope: "base", attributes: ["1.1"] });
    await expect(search).rejects.toBeInstanceOf(InvalidDNSyntaxError);
  });
});
