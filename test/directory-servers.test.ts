import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Slapd } from "../infra/local/slapd.ts";
import { identityOf, lookUp, newPerson, startTestSlapd } from "./support/slapd.ts";

/** What Active Directory and 389 keep on a person, as slapd can hold it. */
const OTHER_SERVERS = `
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.159 NAME 'accountExpires' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 2.16.840.1.113730.3.1.610 NAME 'nsAccountLock' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 2.16.840.1.113730.3.1.542 NAME 'nsUniqueId' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 2.25.1 NAME 'otherServer' SUP top AUXILIARY MAY ( objectGUID $ userAccountControl $ accountExpires $ nsAccountLock $ nsUniqueId ) )
`;

let slapd: Slapd;
beforeAll(async () => {
  slapd = await startTestSlapd({ schema: OTHER_SERVERS });
});
afterAll(() => slapd.stop());

const add = (uid: string, ...lines: string[]) => slapd.modify(newPerson(uid, "objectClass: otherServer", ...lines));
const guid = (bytes: Buffer) => `objectGUID:: ${bytes.toString("base64")}`;

describe("ids of other servers", () => {
  it.each([
    ["bytes that are no text", "f8f9fafbfcfdfeff0809a0b0c0d0e0f0", "fbfaf9f8-fdfc-fffe-0809-a0b0c0d0e0f0"],
    ["bytes that happen to be text", "6162636465666768696a6b6c6d6e6f70", "64636261-6665-6867-696a-6b6c6d6e6f70"],
    [
      "bytes that begin like a byte order mark",
      "efbbbf6465666768696a6b6c6d6e6f70",
      "64bfbbef-6665-6867-696a-6b6c6d6e6f70",
    ],
    ["bytes that look like a filter", "2a28295c2a28295c002a28295c2a2829", "5c29282a-282a-5c29-002a-28295c2a2829"],
  ])("reads an objectGUID of %s as AD's tools show it, and finds it again", async (what, hex, shown) => {
    const uid = what.replaceAll(" ", "-");
    await add(uid, guid(Buffer.from(hex, "hex")));
    const person = await identityOf(slapd, uid);
    expect(person.directoryId).toBe(shown);
    expect(await identityOf(slapd, { by: "id", value: shown.toUpperCase() })).toEqual(person);
  });

  it("takes nsUniqueId before entryUUID, which 389 may get later on", async () => {
    await add("rhel", "nsUniqueId: 8d3c1b01-a1c411ed-9bf4ffff-0c2d5ad7");
    const person = await identityOf(slapd, "rhel");
    expect(person.directoryId).toBe("8d3c1b01-a1c411ed-9bf4ffff-0c2d5ad7");
    expect(await identityOf(slapd, { by: "id", value: person.directoryId })).toEqual(person);
  });

  it("takes the configured attribute before all others", async () => {
    await add("pinned", guid(Buffer.alloc(16, 7)), "nsUniqueId: pinned-1", "employeeNumber: 4711");
    const person = await identityOf(slapd, "pinned", { LDAP_ID_ATTRIBUTE: "EMPLOYEENUMBER" });
    expect(person.directoryId).toBe("4711");
  });

  it("refuses a configured attribute that is not text", async () => {
    await add("photo", `jpegPhoto:: ${Buffer.from("ffd8ffe000104a46", "hex").toString("base64")}`);
    const refused = lookUp(slapd, "photo", { LDAP_ID_ATTRIBUTE: "jpegPhoto" });
    await expect(refused).rejects.toMatchObject({
      name: "Permanent",
      code: "directory.no-id",
      message: expect.stringContaining("not text"),
    });
  });
});

describe("accounts that other servers call disabled", () => {
  const day = 86_400_000;
  const fileTime = (milliseconds: number) => ((BigInt(milliseconds) + 11_644_473_600_000n) * 10_000n).toString();

  it.each([
    ["ad-disabled", "userAccountControl: 514"],
    ["ad-expired", `accountExpires: ${fileTime(Date.now() - day)}`],
    ["ds-locked", "nsAccountLock: True"],
  ])("are gone: %s", async (uid, line) => {
    await add(uid, line);
    expect(await lookUp(slapd, uid)).toMatchObject({ state: "gone", code: "person.disabled", username: uid });
  });

  it.each([
    ["ad-normal", "userAccountControl: 512"],
    ["ad-never", "accountExpires: 9223372036854775807"],
    ["ad-zero", "accountExpires: 0"],
    ["ad-tomorrow", `accountExpires: ${fileTime(Date.now() + day)}`],
    ["ds-open", "nsAccountLock: false"],
  ])("are present: %s", async (uid, line) => {
    await add(uid, line);
    expect(await lookUp(slapd, uid)).toMatchObject({ state: "present" });
  });
});
