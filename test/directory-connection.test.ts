import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Slapd } from "../infra/local/slapd.ts";
import { type Certificates, makeCertificates } from "./support/certificates.ts";
import { directoryFor, identityOf, lookUp, newGroup, startTestSlapd } from "./support/slapd.ts";

/** The discard port: nobody listens there on a test machine. */
const CLOSED = "ldap://127.0.0.1:9";

let certificates: Certificates;
let strangers: Certificates;
let slapd: Slapd;
beforeAll(async () => {
  [certificates, strangers] = await Promise.all([makeCertificates(), makeCertificates("DNS:elsewhere.example")]);
  slapd = await startTestSlapd({ tls: certificates });
});
afterAll(async () => {
  await slapd.stop();
  await Promise.all([certificates.remove(), strangers.remove()]);
});

const ldaps = () => ({ LDAP_URLS: slapd.ldapsUrl, LDAP_CA: certificates.authority });
const atLocalhost = () => slapd.url.replace("127.0.0.1", "localhost");

describe("11 encrypted connections", () => {
  it.each([
    ["ldaps with the authority's file", () => ldaps()],
    [
      "ldaps with the authority's text",
      async () => ({ ...ldaps(), LDAP_CA: await readFile(certificates.authority, "utf8") }),
    ],
    ["ldaps to a name", () => ({ ...ldaps(), LDAP_URLS: slapd.ldapsUrl?.replace("127.0.0.1", "localhost") })],
    ["LDAP_USE_SSL", () => ({ ...ldaps(), LDAP_URLS: slapd.ldapsUrl?.replace("ldaps", "ldap"), LDAP_USE_SSL: "true" })],
    ["StartTLS to an address", () => ({ LDAP_CA: certificates.authority, LDAP_START_TLS: "true" })],
    [
      "StartTLS to a name",
      () => ({ LDAP_URLS: atLocalhost(), LDAP_CA: certificates.authority, LDAP_START_TLS: "true" }),
    ],
  ])("work: %s", async (_, settings) => {
    expect(await identityOf(slapd, "ada", await settings())).toMatchObject({ username: "ada" });
  });

  it.each([
    ["ldaps without the private authority", () => ({ LDAP_URLS: slapd.ldapsUrl })],
    ["ldaps with another authority", () => ({ ...ldaps(), LDAP_CA: strangers.authority })],
    ["StartTLS without the private authority", () => ({ LDAP_START_TLS: "true" })],
    ["StartTLS with another authority", () => ({ LDAP_START_TLS: "true", LDAP_CA: strangers.authority })],
  ])("fail before the password is sent: %s", async (_, settings) => {
    // A wrong password would be told as such if it had been sent.
    const wrong = { ...settings(), LDAP_BIND_PASSWORD: "wrong" };
    await expect(lookUp(slapd, "ada", wrong)).rejects.toMatchObject({
      name: "Retryable",
      code: "ldap.unreachable",
      message: expect.stringMatching(/certificate/i),
    });
  });

  it("verify StartTLS to an address against that address", async () => {
    const only = await makeCertificates("IP:127.0.0.1");
    const addressed = await startTestSlapd({ tls: only });
    try {
      const settings = { LDAP_CA: only.authority, LDAP_START_TLS: "true" };
      expect(await lookUp(addressed, "ada", settings)).toMatchObject({ state: "present" });
    } finally {
      await addressed.stop();
      await only.remove();
    }
  });

  it("fail with a certificate for another name, by ldaps and by StartTLS", async () => {
    const elsewhere = await startTestSlapd({ tls: strangers });
    const settings = { LDAP_CA: strangers.authority };
    try {
      const byLdaps = lookUp(elsewhere, "ada", { ...settings, LDAP_URLS: elsewhere.ldapsUrl });
      await expect(byLdaps).rejects.toThrow(/does not match certificate/);
      const byStartTls = lookUp(elsewhere, "ada", { ...settings, LDAP_START_TLS: "true" });
      await expect(byStartTls).rejects.toThrow(/does not match certificate/);
    } finally {
      await elsewhere.stop();
    }
  });

  it("are refused rather than left out where the server has no StartTLS", async () => {
    const plain = await startTestSlapd();
    try {
      await expect(lookUp(plain, "ada", { LDAP_START_TLS: "true" })).rejects.toMatchObject({ code: "ldap.refused" });
    } finally {
      await plain.stop();
    }
  });
});

describe("several servers", () => {
  it("goes on to the second where the first is down", async () => {
    const settings = { LDAP_URLS: `${CLOSED} ${slapd.url}` };
    expect(await identityOf(slapd, "ada", settings)).toMatchObject({ username: "ada" });
  });

  it("says of each why it did not answer", async () => {
    const settings = { LDAP_URLS: `${CLOSED},ldap://no-such-host.invalid` };
    await expect(lookUp(slapd, "ada", settings)).rejects.toMatchObject({
      name: "Retryable",
      code: "ldap.unreachable",
      message: expect.stringMatching(/127\.0\.0\.1:9.*ECONNREFUSED.*no-such-host\.invalid.*(ENOTFOUND|EAI_AGAIN)/),
    });
  });

  it("goes on where the first one hangs, and comes back to it when it answers again", async () => {
    const first = await startTestSlapd();
    const limits = { connectMilliseconds: 800, operationMilliseconds: 800, wholeMilliseconds: 8_000 };
    const settings = { ...slapd.environment, LDAP_URLS: `${first.url} ${slapd.url}` };
    const directory = await directoryFor(settings, { limits });
    const ada = async () => {
      const found = await directory.lookUp({ by: "name", value: "ada" }, AbortSignal.timeout(15_000));
      return found.state === "present" ? found.identity.directoryId : found.reason;
    };
    try {
      const idOnFirst = await ada();
      process.kill(first.pid, "SIGSTOP");
      const idOnSecond = await ada();
      expect(idOnSecond).toBe((await identityOf(slapd, "ada")).directoryId);
      process.kill(first.pid, "SIGCONT");
      expect(await ada()).toBe(idOnFirst);
    } finally {
      await first.stop("SIGKILL");
    }
  });

  it("is Retryable while the only server is killed, and well again after it is started on the same folder", async () => {
    const killed = await startTestSlapd();
    const before = await identityOf(killed, "ada");
    await killed.kill();
    await expect(lookUp(killed, "ada")).rejects.toMatchObject({ name: "Retryable", code: "ldap.unreachable" });
    await expect(lookUp(killed, { by: "id", value: before.directoryId })).rejects.toMatchObject({ name: "Retryable" });
    const again = await killed.restart();
    expect(await identityOf(again, "ada")).toEqual(before);
    await again.stop();
  });
});

describe("what a bind account may not do", () => {
  const withConfig = async (config: string, test: (limited: Slapd) => Promise<void>) => {
    const limited = await startTestSlapd({ config });
    try {
      await test(limited);
    } finally {
      await limited.stop();
    }
  };

  it("does not read as 'gone' when it can see nobody at all", () =>
    withConfig('access to dn.children="ou=people,dc=uni,dc=example" by anonymous auth by * none', async (limited) => {
      await expect(lookUp(limited, "ada")).rejects.toMatchObject({ name: "Retryable", code: "directory.empty" });
    }));

  it("does not read as 'gone' when the base itself is hidden", () =>
    withConfig('access to dn.subtree="ou=people,dc=uni,dc=example" by anonymous auth by * none', async (limited) => {
      await expect(lookUp(limited, "ada")).rejects.toMatchObject({ name: "Retryable", code: "ldap.base-missing" });
    }));

  it("is Permanent for the person when only the id is hidden", () =>
    withConfig("access to attrs=entryUUID by * none", async (limited) => {
      await expect(lookUp(limited, "ada")).rejects.toMatchObject({ name: "Permanent", code: "directory.no-id" });
    }));

  it("is a fault of settings when the groups are more than its limit, never a shorter list", () =>
    withConfig('limits dn.exact="cn=reader,ou=services,dc=uni,dc=example" size=3', async (limited) => {
      const groups = ["a", "b", "c", "d"].map((cn) => newGroup(cn, "uid=ada,ou=people"));
      await limited.modify(groups.join("\n"));
      await expect(lookUp(limited, "ada")).rejects.toMatchObject({ name: "Retryable", code: "ldap.limit" });
      expect(await lookUp(limited, "dan")).toMatchObject({ state: "present" });
    }));

  it("is a fault of settings when a search would look at too much", () =>
    withConfig(
      'limits dn.exact="cn=reader,ou=services,dc=uni,dc=example" size.soft=unlimited size.unchecked=1',
      async (limited) => {
        const unindexed = { LDAP_USER_SEARCH_FILTER: "(description={0})" };
        await expect(lookUp(limited, "ada", unindexed)).rejects.toMatchObject({
          name: "Retryable",
          code: "ldap.limit",
        });
      },
    ));
});

describe("wrong settings", () => {
  it.each([
    ["a base that is not there", { LDAP_USER_SEARCH_BASE: "ou=persons,dc=uni,dc=example" }, "ldap.base-missing"],
    ["a group base that is not there", { LDAP_GROUP_SEARCH_BASE: "ou=group,dc=uni,dc=example" }, "ldap.base-missing"],
    ["a bind DN that is none", { LDAP_BIND_DN: "reader" }, "ldap.bad-dn"],
    ["another directory's suffix", { LDAP_USER_SEARCH_BASE: "dc=elsewhere,dc=example" }, "ldap.base-missing"],
  ])("are Retryable and never say 'gone': %s", async (_, settings, code) => {
    await expect(lookUp(slapd, "ada", settings)).rejects.toMatchObject({ name: "Retryable", code });
  });

  it("are told with the place and the way out, and without the password", async () => {
    const settings = { LDAP_USER_SEARCH_BASE: "ou=persons,dc=uni,dc=example" };
    const message = await lookUp(slapd, "ada", settings).then(() => "", String);
    expect(message).toContain('base "ou=persons,dc=uni,dc=example"');
    expect(message).toContain("check the search bases");
    expect(message).not.toContain(slapd.bindPassword);
  });

  it.each([
    ["LDAP_BIND_DN", { LDAP_BIND_DN: "" }],
    ["LDAP_BIND_PASSWORD", { LDAP_BIND_PASSWORD: "" }],
  ])("refuse to start with an empty %s: servers take that for an anonymous bind", async (variable, settings) => {
    await expect(directoryFor({ ...slapd.environment, ...settings })).rejects.toThrow(variable);
  });
});
