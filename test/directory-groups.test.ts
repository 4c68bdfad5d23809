import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Slapd } from "../infra/local/slapd.ts";
import { directoryFor, identityOf, lookUp, newGroup, newPerson, startTestSlapd } from "./support/slapd.ts";

let slapd: Slapd;
beforeAll(async () => {
  slapd = await startTestSlapd();
});
afterAll(() => slapd.stop());

const namesOf = async (person: string, changes: Record<string, string> = {}) =>
  (await identityOf(slapd, person, changes)).groups.map((group) => group.name);

const allow = (...dns: string[]) => ({ LDAP_ALLOWED_GROUPS: JSON.stringify(dns) });

describe("groups", () => {
  it("are told with their DN, their own id and their name", async () => {
    const [group] = (await identityOf(slapd, "dan")).groups;
    expect(group).toMatchObject({ dn: "cn=jupyterhub,ou=groups,dc=uni,dc=example", name: "jupyterhub" });
    expect(group?.id).toMatch(/^[0-9a-f]{8}-/);
  });

  it("include those that hold a group of theirs", async () => {
    expect(await namesOf("carol")).toEqual(["jupyterhub", "teachers"]);
  });

  it("end where nesting goes round in circles", async () => {
    await slapd.modify(newPerson("round"));
    await slapd.modify(newGroup("ring-a", "uid=round,ou=people", "cn=ring-c,ou=groups"));
    await slapd.modify(newGroup("ring-b", "cn=ring-a,ou=groups", "cn=ring-b,ou=groups"));
    await slapd.modify(newGroup("ring-c", "cn=ring-b,ou=groups"));
    expect(await namesOf("round")).toEqual(["ring-a", "ring-b", "ring-c"]);
  });

  it("are all found where somebody is in more than one search can name", async () => {
    await slapd.modify(newPerson("busy"));
    const many = Array.from({ length: 120 }, (_, number) => `m-${String(number).padStart(3, "0")}`);
    await slapd.modify(many.map((cn) => newGroup(cn, "uid=busy,ou=people")).join("\n"));
    await slapd.modify(newGroup("m-top", "cn=m-119,ou=groups"));
    expect(await namesOf("busy")).toEqual([...many, "m-top"]);
  });

  it("keep two groups of one name apart", async () => {
    await slapd.modify(
      "dn: ou=other,ou=groups,dc=uni,dc=example\nchangetype: add\nobjectClass: organizationalUnit\nou: other\n",
    );
    await slapd.modify(newGroup("datasci", "uid=dan,ou=people").replace("ou=groups", "ou=other,ou=groups"));
    expect(await lookUp(slapd, "dan", allow("cn=datasci,ou=groups,dc=uni,dc=example"))).toMatchObject({
      state: "gone",
    });
    expect(await lookUp(slapd, "dan", allow("cn=datasci,ou=other,ou=groups,dc=uni,dc=example"))).toMatchObject({
      state: "present",
    });
  });
});

describe("groups read one way (F9)", () => {
  it("refuses to start when filter and member attribute disagree, naming both", async () => {
    const filter = "(&(objectClass=groupOfUniqueNames)(uniqueMember={0}))";
    const start = directoryFor({ ...slapd.environment, LDAP_GROUP_SEARCH_FILTER: filter });
    await expect(start).rejects.toThrow(/LDAP_GROUP_SEARCH_FILTER.*LDAP_GROUP_MEMBER_ATTRIBUTE/);
  });

  it("finds uniqueMember groups when both say so", async () => {
    await slapd.modify(
      "dn: cn=unique,ou=groups,dc=uni,dc=example\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: unique\nuniqueMember: UID=Bob,OU=People,dc=uni,dc=example\n",
    );
    const settings = {
      LDAP_GROUP_SEARCH_FILTER: "(&(objectClass=groupOfUniqueNames)(uniqueMember={0}))",
      LDAP_GROUP_MEMBER_ATTRIBUTE: "uniqueMember",
    };
    expect(await namesOf("bob", settings)).toEqual(["unique"]);
  });

  it("leaves out what the filter leaves out, on every level", async () => {
    await slapd.modify(newPerson("frank"));
    await slapd.modify(newGroup("old-lab", "uid=frank,ou=people"));
    await slapd.modify(newGroup("lab", "cn=old-lab,ou=groups"));
    const settings = { LDAP_GROUP_SEARCH_FILTER: "(&(member={0})(!(cn=old-*)))" };
    expect(await namesOf("frank")).toEqual(["lab", "old-lab"]);
    expect(await namesOf("frank", settings)).toEqual([]);
  });

  it("finds memberUid groups by any login of the person, and does not nest them", async () => {
    const posixGroup = (cn: string, gid: number, member: string) =>
      slapd.modify(
        `dn: cn=${cn},ou=groups,dc=uni,dc=example\nchangetype: add\nobjectClass: posixGroup\ncn: ${cn}\ngidNumber: ${gid}\nmemberUid: ${member}\n`,
      );
    await posixGroup("unix-a", 1001, "jdoe");
    await posixGroup("unix-b", 1002, "jane.doe");
    await slapd.modify(newGroup("above", "cn=unix-a,ou=groups"));
    const settings = { LDAP_GROUP_SEARCH_FILTER: "(memberUid={0})", LDAP_GROUP_MEMBER_ATTRIBUTE: "memberUid" };
    expect(await namesOf("jdoe", settings)).toEqual(["unix-a", "unix-b"]);
    expect(await namesOf("jane.doe", settings)).toEqual(["unix-a", "unix-b"]);
  });

  it("takes a group's name from the configured attribute", async () => {
    await slapd.modify(
      "dn: cn=datasci,ou=groups,dc=uni,dc=example\nchangetype: modify\nadd: description\ndescription: Data Science\n",
    );
    expect(await namesOf("ada", { LDAP_GROUP_NAME_ATTRIBUTE: "description" })).toContain("Data Science");
  });
});

describe("allowed groups", () => {
  it("let a member in, whatever the spelling of the DN", async () => {
    const spelled = allow("CN=DataSci , OU = Groups,dc=UNI,dc=example");
    expect(await lookUp(slapd, "ada", spelled)).toMatchObject({ state: "present" });
  });

  it("let in who is in an allowed group by nesting only", async () => {
    expect(await lookUp(slapd, "carol", allow("cn=jupyterhub,ou=groups,dc=uni,dc=example"))).toMatchObject({
      state: "present",
    });
  });

  it("keep everybody else out, by name and by id", async () => {
    const settings = allow("cn=teachers,ou=groups,dc=uni,dc=example");
    const { directoryId } = await identityOf(slapd, "ada");
    const gone = { state: "gone", code: "person.not-allowed", username: "ada" };
    expect(await lookUp(slapd, "ada", settings)).toMatchObject(gone);
    expect(await lookUp(slapd, { by: "id", value: directoryId }, settings)).toMatchObject(gone);
  });

  it("never read as 'nobody' when one of them is missing: that is an error naming DN and setting", async () => {
    const settings = allow("cn=renamed,ou=groups,dc=uni,dc=example", "cn=datasci,ou=groups,dc=uni,dc=example");
    await expect(lookUp(slapd, "carol", settings)).rejects.toMatchObject({
      name: "Retryable",
      code: "directory.group-missing",
      message: expect.stringMatching(/LDAP_ALLOWED_GROUPS.*cn=renamed,ou=groups/),
    });
    expect(await lookUp(slapd, "ada", settings)).toMatchObject({ state: "present" });
  });

  it("refuse to start when nobody could be in one, all wrong settings at once", async () => {
    const start = directoryFor({
      ...slapd.environment,
      ...allow("cn=Comma, Group,ou=groups,dc=uni,dc=example", "cn=datasci,ou=elsewhere,dc=uni,dc=example"),
      LDAP_USER_SEARCH_FILTER: "(&(objectClass=person)uid={0})",
      LDAP_GROUP_SEARCH_FILTER: "(&(member={0})(!cn=old))",
      LDAP_BASE: "uni.example",
      LDAP_USER_SEARCH_BASE: "ou=people,,dc=uni",
      LDAP_CA: "/does/not/exist.pem",
    });
    const message = await start.then(() => "", String);
    expect(message).toMatch(/LDAP_ALLOWED_GROUPS: "cn=Comma, Group.* is not a DN/);
    expect(message).toMatch(/LDAP_ALLOWED_GROUPS: "cn=datasci,ou=elsewhere.* outside the group search base/);
    expect(message).toMatch(/LDAP_USER_SEARCH_FILTER: Missing paren/);
    expect(message).toMatch(/LDAP_GROUP_SEARCH_FILTER: Missing paren/);
    expect(message).toMatch(/LDAP_BASE: "uni.example" is not a DN/);
    expect(message).toMatch(/LDAP_USER_SEARCH_BASE: "ou=people,,dc=uni" is not a DN/);
    expect(message).toMatch(/LDAP_CA: .*exist\.pem/);
  });
});

describe("the user filter", () => {
  it("may hold letters as escaped UTF-8", async () => {
    const settings = { LDAP_USER_SEARCH_FILTER: "(&(sn=\\c5\\bb\\c3\\b3\\c5\\82\\c4\\87)(uid={0}))" };
    expect(await identityOf(slapd, "carol", settings)).toMatchObject({ username: "carol" });
    expect(await lookUp(slapd, "ada", settings)).toMatchObject({ state: "gone" });
  });

  it("refuses to start with escaped bytes that are no text, which ldapts would send as others", async () => {
    const start = directoryFor({ ...slapd.environment, LDAP_USER_SEARCH_FILTER: "(&(objectGUID=\\ff\\fe)(uid={0}))" });
    await expect(start).rejects.toThrow(/LDAP_USER_SEARCH_FILTER.*not UTF-8/);
  });

  it("decides who is a person, by name and by id", async () => {
    const settings = { LDAP_USER_SEARCH_FILTER: "(&(memberOf=cn=datasci,ou=groups,dc=uni,dc=example)(uid={0}))" };
    const dan = await identityOf(slapd, "dan");
    const ada = await identityOf(slapd, "ada");
    expect(await identityOf(slapd, "ada", settings)).toEqual(ada);
    expect(await identityOf(slapd, { by: "id", value: ada.directoryId }, settings)).toEqual(ada);
    const gone = { state: "gone", code: "person.unknown" };
    expect(await lookUp(slapd, "dan", settings)).toMatchObject(gone);
    expect(await lookUp(slapd, { by: "id", value: dan.directoryId }, settings)).toMatchObject(gone);
  });

  it("may look at another attribute than the username", async () => {
    const settings = { LDAP_USER_SEARCH_FILTER: "(|(uid={0})(mail={0}@uni.example))" };
    const jane = await identityOf(slapd, "jane.doe", settings);
    expect(jane.username).toBe("jdoe");
    expect(await identityOf(slapd, { by: "id", value: jane.directoryId }, settings)).toEqual(jane);
  });

  it("may hold a matching rule", async () => {
    const settings = { LDAP_USER_SEARCH_FILTER: "(uid:caseExactMatch:={0})" };
    const ada = await identityOf(slapd, "ada", settings);
    expect(await identityOf(slapd, { by: "id", value: ada.directoryId }, settings)).toEqual(ada);
    expect(await lookUp(slapd, "ADA", settings)).toMatchObject({ state: "gone" });
  });
});
