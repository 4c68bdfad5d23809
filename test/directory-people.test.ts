import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Slapd } from "../infra/local/slapd.ts";
import { identityOf, lookUp, newPerson, startTestSlapd } from "./support/slapd.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

let slapd: Slapd;
beforeAll(async () => {
  slapd = await startTestSlapd();
  await slapd.modify("dn: ou=guests,dc=uni,dc=example\nchangetype: add\nobjectClass: organizationalUnit\nou: guests\n");
});
afterAll(() => slapd.stop());

describe("who somebody is", () => {
  it("tells everything about ada under any case of her name", async () => {
    const ada = await identityOf(slapd, "ADA");
    expect(ada).toMatchObject({
      username: "ada",
      logins: ["ada"],
      dn: "uid=ada,ou=people,dc=uni,dc=example",
      fullName: "Ada Lovelace",
      email: "ada@uni.example",
      isAdmin: false,
    });
    expect(ada.directoryId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(ada.groups.map((group) => group.name)).toEqual(["datasci", "jupyterhub"]);
    expect(Math.abs(Date.now() - Date.parse(ada.createdAt ?? ""))).toBeLessThan(120_000);
  });

  it("finds ada again by her directory id", async () => {
    const ada = await identityOf(slapd, "ada");
    expect(await identityOf(slapd, { by: "id", value: ada.directoryId })).toEqual(ada);
  });

  it("gives one identity to one human with two logins, whichever is typed (F1)", async () => {
    const jane = await identityOf(slapd, "Jane.Doe");
    expect(jane).toMatchObject({ username: "jdoe", logins: ["jane.doe", "jdoe"] });
    expect(await identityOf(slapd, "jdoe")).toEqual(jane);
  });

  it("takes the first login in order where the DN holds none of them", async () => {
    await slapd.modify(
      "dn: cn=Grace Hopper,ou=people,dc=uni,dc=example\nchangetype: add\nobjectClass: inetOrgPerson\ncn: Grace Hopper\nsn: Hopper\nuid: hopper\nuid: grace\n",
    );
    expect(await identityOf(slapd, "hopper")).toMatchObject({ username: "grace", logins: ["grace", "hopper"] });
  });

  it("keeps the id when somebody is renamed", async () => {
    await slapd.modify(newPerson("alan"));
    const before = await identityOf(slapd, "alan");
    await slapd.modify(
      "dn: uid=alan,ou=people,dc=uni,dc=example\nchangetype: modrdn\nnewrdn: uid=turing\ndeleteoldrdn: 1\n",
    );
    expect(await identityOf(slapd, { by: "id", value: before.directoryId })).toMatchObject({
      username: "turing",
      directoryId: before.directoryId,
    });
    expect(await lookUp(slapd, "alan")).toMatchObject({ state: "gone", code: "person.unknown" });
  });

  it("gives another id to a newcomer with a leaver's name", async () => {
    await slapd.modify(newPerson("reused"));
    const leaver = await identityOf(slapd, "reused");
    await slapd.modify("dn: uid=reused,ou=people,dc=uni,dc=example\nchangetype: delete\n");
    await slapd.modify(newPerson("reused"));
    expect((await identityOf(slapd, "reused")).directoryId).not.toBe(leaver.directoryId);
    expect(await lookUp(slapd, { by: "id", value: leaver.directoryId })).toMatchObject({ state: "gone" });
  });

  it("counts admins by any of their logins, in any case", async () => {
    expect(await identityOf(slapd, "jdoe", { LDAP_ADMIN_USERS: "root Jane.DOE" })).toMatchObject({ isAdmin: true });
    expect(await identityOf(slapd, "ada", { LDAP_ADMIN_USERS: "root Jane.DOE" })).toMatchObject({ isAdmin: false });
  });

  it("takes the user attribute itself as the id where the directory is rebuilt at every start", async () => {
    const jane = await identityOf(slapd, "jane.doe", { LDAP_ID_ATTRIBUTE: "uid" });
    expect(jane.directoryId).toBe("jdoe");
    expect(jane.groups).toMatchObject([{ id: "cn=jupyterhub,ou=groups,dc=uni,dc=example" }]);
    const again = await identityOf(slapd, { by: "id", value: "jdoe" }, { LDAP_ID_ATTRIBUTE: "uid" });
    expect(again.directoryId).toBe("jdoe");
  });

  it("takes a name as the id in one form only: whoever writes it otherwise later is the same human", async () => {
    const settings = { LDAP_ID_ATTRIBUTE: "uid" };
    await slapd.modify(newPerson("Casey"));
    expect(await identityOf(slapd, "CASEY", settings)).toMatchObject({ directoryId: "casey", username: "Casey" });
    expect((await identityOf(slapd, { by: "id", value: "casey" }, settings)).username).toBe("Casey");
  });

  it("refuses somebody whose id cannot be read", async () => {
    await expect(lookUp(slapd, "ada", { LDAP_ID_ATTRIBUTE: "employeeNumber" })).rejects.toMatchObject({
      name: "Permanent",
      code: "directory.no-id",
    });
  });
});

describe("33 names as weapons", () => {
  it.each(["*", "a*", "a)(uid=*", "ada)(objectClass=*", "\\61da", "ada\u0000", "(", "\\", "$&", "ada,ou=people"])(
    "finds nobody for %j",
    async (name) => {
      expect(await lookUp(slapd, name)).toMatchObject({ state: "gone", code: "person.unknown" });
    },
  );

  it("finds a person whose name means something to a text replacement", async () => {
    await slapd.modify(newPerson("cash$$&"));
    expect(await identityOf(slapd, "CASH$$&")).toMatchObject({ username: "cash$$&" });
  });

  it("refuses a name that two entries share, though their case differs", async () => {
    await slapd.modify(newPerson("twin"));
    await slapd.modify(newPerson("TWIN").replace("ou=people", "ou=guests"));
    const wide = { LDAP_USER_SEARCH_BASE: undefined };
    await expect(lookUp(slapd, "twin", wide)).rejects.toMatchObject({ name: "Permanent", code: "person.ambiguous" });
    expect(await identityOf(slapd, "twin")).toMatchObject({ username: "twin" });
  });

  it("finds a person whose DN holds a comma, a backslash and UTF-8", async () => {
    await slapd.modify(
      "dn: cn=Comma\\2C Ż \\5C Person,ou=people,dc=uni,dc=example\nchangetype: add\nobjectClass: inetOrgPerson\nsn: x\nuid: żółć\n",
    );
    await slapd.modify(
      "dn: cn=datasci,ou=groups,dc=uni,dc=example\nchangetype: modify\nadd: member\nmember: CN=comma\\, Ż \\\\  person, OU=People,dc=uni,dc=example\n",
    );
    const found = await identityOf(slapd, "ŻÓŁĆ");
    expect(found).toMatchObject({ username: "żółć", fullName: "Comma, Ż \\ Person" });
    expect(found.groups.map((group) => group.name)).toEqual(["datasci"]);
    expect(found.email).toMatch(/^person-[0-9a-f]{16}@hubforge\.invalid$/);
  });

  it("cleans a full name that SQS would refuse (F7)", async () => {
    await slapd.modify(newPerson("odd", `cn:: ${base64("Ada\u0001\n\u2028 Lovelace\uFFFF\uFFFE")}`));
    expect((await identityOf(slapd, "odd")).fullName).toBe("Ada Lovelace\uFFFD\uFFFD");
  });

  it("shows the username where there is no full name", async () => {
    const settings = { LDAP_FULLNAME_ATTRIBUTE: "displayName" };
    expect(await identityOf(slapd, "ada", settings)).toMatchObject({ fullName: "ada" });
  });

  it("cuts a full name to Gitea's 100 characters without splitting one", async () => {
    await slapd.modify(newPerson("long", `cn:: ${base64("🧪".repeat(130))}`));
    expect((await identityOf(slapd, "long")).fullName).toBe("🧪".repeat(100));
  });
});

describe("mail", () => {
  it("is in lower case, and of several the first in order, whatever order the server has", async () => {
    await slapd.modify(
      newPerson(
        "mails",
        "mail: zoe@uni.example",
        "mail: Alba@Uni.Example",
        "mail: not an address",
        `mail: a@${"x".repeat(260)}.example`,
      ),
    );
    expect(await identityOf(slapd, "mails")).toMatchObject({
      email: "alba@uni.example",
      emails: ["alba@uni.example", "zoe@uni.example"],
    });
  });

  it("is an address that nobody has where the directory has none", async () => {
    expect(await identityOf(slapd, "dan")).toMatchObject({ email: "dan@hubforge.invalid", emails: [] });
  });

  it("may be shared: that is for the account stage to settle", async () => {
    await slapd.modify(newPerson("first", "mail: same@uni.example"));
    await slapd.modify(newPerson("second", "mail: SAME@uni.example"));
    expect((await identityOf(slapd, "second")).email).toBe((await identityOf(slapd, "first")).email);
  });
});

describe("locks", () => {
  const lock = (uid: string, value: string) =>
    slapd.modify(
      `dn: uid=${uid},ou=people,dc=uni,dc=example\nchangetype: modify\nreplace: pwdAccountLockedTime\npwdAccountLockedTime: ${value}\n`,
    );

  it("treats a lock by an administrator as gone", async () => {
    await slapd.modify(newPerson("banned"));
    const { directoryId } = await identityOf(slapd, "banned");
    await lock("banned", "000001010000Z");
    const gone = { state: "gone", code: "person.disabled", username: "banned" };
    expect(await lookUp(slapd, "banned")).toMatchObject(gone);
    expect(await lookUp(slapd, { by: "id", value: directoryId })).toMatchObject(gone);
  });

  it("lets a temporary lock after wrong passwords pass", async () => {
    await slapd.modify(newPerson("clumsy"));
    await lock("clumsy", "20261124090000Z");
    expect(await lookUp(slapd, "clumsy")).toMatchObject({ state: "present" });
  });
});
