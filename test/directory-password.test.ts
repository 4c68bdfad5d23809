import { describe, expect, it, onTestFinished } from "vitest";
import { bound, environmentFor, searchDone, startFaultServer } from "./support/ldap-faults.ts";
import { directoryFor, lookUp, startTestSlapd } from "./support/slapd.ts";

const MINUTE = 60_000;

/** A server that refuses every bind and counts them. */
async function startRefusing() {
  const server = await startFaultServer(({ operation, id }) =>
    operation === "bind" ? [bound(id, 49)] : [searchDone(id)],
  );
  onTestFinished(server.stop);
  return { url: server.url, binds: () => server.seen.filter((operation) => operation === "bind").length };
}

/** One look-up by a fresh directory object, as after a stage has forgotten its settings. */
const tryOnce = async (urls: string[], password: string, now: number) => {
  const directory = await directoryFor(environmentFor(urls, password), { now: () => now });
  return directory.lookUp({ by: "name", value: "ada" }, AbortSignal.timeout(15_000));
};
const unauthorized = { name: "Unauthorized", code: "ldap.unauthorized" };

describe("a wrong bind password", () => {
  it("is Unauthorized and names the settings, not the password", async () => {
    const slapd = await startTestSlapd();
    onTestFinished(() => slapd.stop());
    const failed = lookUp(slapd, "ada", { LDAP_BIND_PASSWORD: "s3cret-but-wrong" });
    await expect(failed).rejects.toMatchObject({
      ...unauthorized,
      message: expect.stringContaining("LDAP_BIND_PASSWORD"),
    });
    await expect(failed).rejects.not.toThrow(/s3cret/);
  });

  it("is tried on one server only: on each it would count towards the lock-out", async () => {
    const [first, second] = [await startRefusing(), await startRefusing()];
    await expect(tryOnce([first.url, second.url], "wrong", 0)).rejects.toMatchObject(unauthorized);
    expect([first.binds(), second.binds()]).toEqual([1, 0]);
  });

  it("is not tried again for 5 minutes, by whichever directory object, and then once", async () => {
    const server = await startRefusing();
    await expect(tryOnce([server.url], "wrong", 0)).rejects.toMatchObject(unauthorized);
    await expect(tryOnce([server.url], "wrong", 1)).rejects.toMatchObject(unauthorized);
    await expect(tryOnce([server.url], "wrong", 5 * MINUTE - 1)).rejects.toThrow(
      /not tried again before 1970-01-01T00:05:00/,
    );
    expect(server.binds()).toBe(1);
    await expect(tryOnce([server.url], "wrong", 5 * MINUTE)).rejects.toMatchObject(unauthorized);
    expect(server.binds()).toBe(2);
  });

  it("does not hold back the rotated one", async () => {
    const server = await startRefusing();
    await expect(tryOnce([server.url], "old", 0)).rejects.toMatchObject(unauthorized);
    await expect(tryOnce([server.url], "new", 1)).rejects.toMatchObject(unauthorized);
    expect(server.binds()).toBe(2);
  });

  it("that was rotated in the directory works as soon as the setting follows", async () => {
    const slapd = await startTestSlapd();
    onTestFinished(() => slapd.stop());
    expect(await lookUp(slapd, "ada")).toMatchObject({ state: "present" });
    await slapd.modify(`dn: ${slapd.bindDn}\nchangetype: modify\nreplace: userPassword\nuserPassword: rotated\n`);
    await expect(lookUp(slapd, "ada")).rejects.toMatchObject(unauthorized);
    expect(await lookUp(slapd, "ada", { LDAP_BIND_PASSWORD: "rotated" })).toMatchObject({ state: "present" });
  });
});
