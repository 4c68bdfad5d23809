import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { type DoctorStack, expectFailed, notOk, startDoctorStack, startSkewedClock } from "./support/doctor.ts";
import { CLOSED_PORT, startSilence } from "./support/ports.ts";
import { newGroup } from "./support/slapd.ts";

let stack: DoctorStack;
beforeAll(async () => {
  stack = await startDoctorStack();
}, 60_000);
afterAll(() => stack.stop());
afterEach(() => stack.gitea.faults.clear());

const CLOSED = `http://127.0.0.1:${CLOSED_PORT}`;

describe("Gitea", () => {
  const basic = () => `Basic ${Buffer.from(`${stack.gitea.username}:${stack.gitea.password}`).toString("base64")}`;
  let minted = 0;
  async function mint(scopes: string[], account = stack.gitea.username): Promise<string> {
    const body = JSON.stringify({ name: `doctor-${++minted}`, scopes });
    const headers = { authorization: basic(), "content-type": "application/json" };
    const made = await fetch(`${stack.gitea.url}/api/v1/users/${account}/tokens`, { method: "POST", headers, body });
    return z.object({ sha1: z.string() }).parse(await made.json()).sha1;
  }
  const SCOPES = ["write:admin", "write:organization", "write:repository", "write:user"];

  it("is well with the four scopes and no more", async () => {
    const found = await stack.visit({ GITEA_TOKEN: await mint(SCOPES) });
    expect([found.code, found.in("failed")]).toEqual([0, []]);
  });

  it.each(SCOPES)("finds that %s is missing", async (scope) => {
    const others = SCOPES.filter((other) => other !== scope);
    const found = await stack.visit({ GITEA_TOKEN: await mint([...others, scope.replace("write", "read")]) });
    expectFailed(found, `right ${scope}`);
    expect(found.row(`right ${scope}`).finding).toMatch(/answered 403: token does not have at least one of required/);
    expect(found.row(`right ${scope}`).advice).toContain(scope);
  });

  it("finds a wrong token, and asks nothing more", async () => {
    const found = await stack.visit({ GITEA_TOKEN: "0".repeat(40) });
    expectFailed(found, "Gitea credentials");
    expect(found.row("right write:admin").finding).toBe("skipped: Gitea credentials failed");
    expect(found.row("Gitea reachable").state).toBe("ok");
    expect(notOk(found, /^(LDAP|queue|redrive|webhook)/)).toEqual([]);
  });

  it("finds that the token is a person's", async () => {
    const found = await stack.visit({ GITEA_TOKEN: await mint(SCOPES, "ada") });
    expect(found.in("failed")).toEqual(["Gitea site admin", "right write:admin"]);
    expect(found.row("Gitea site admin").finding).toBe("ada is no site admin");
  });

  it("finds one that does not answer, and one that never does", async () => {
    await using silence = await startSilence();
    const closed = await stack.visit({ GITEA_URL: CLOSED });
    expectFailed(closed, "Gitea reachable");
    expect(closed.row("Gitea reachable").finding).toContain("no answer from Gitea");
    const startedAt = Date.now();
    expectFailed(await stack.visit({ GITEA_URL: silence.url }), "Gitea reachable");
    expect(Date.now() - startedAt).toBeLessThan(40_000);
  });

  it("finds an old version, and that nobody may be asked for", async () => {
    stack.gitea.faults.add({ path: "/version", status: 200, body: { version: "1.21.11" }, times: "always" });
    stack.gitea.faults.add({ sudo: "svc", status: 403, body: { message: "no sudo" }, times: "always" });
    const found = await stack.visit();
    expectFailed(found, "Gitea version", "right Sudo");
    expect(found.row("Gitea version").finding).toBe("1.21.11 is older than 1.22");
  });

  it("finds an organisation that is open, and says that a missing one is made", async () => {
    const change = async (visibility: string, repo_admin_change_team_access: boolean) => {
      const headers = { authorization: basic(), "content-type": "application/json" };
      const body = JSON.stringify({ visibility, repo_admin_change_team_access });
      await fetch(`${stack.gitea.url}/api/v1/orgs/ilum-jupyterhub`, { method: "PATCH", headers, body });
    };
    await change("public", true);
    const open = await stack.visit();
    await change("private", false);
    expectFailed(open, "organisation");
    expect(open.row("organisation").finding).toMatch(/it is public.*may give them to other teams/);
    const missing = await stack.visit({ GITEA_ORG: "another" });
    expect([missing.code, missing.in("warning")]).toEqual([0, ["organisation"]]);
  });

  it("finds an auth source that is another's", async () => {
    const found = await stack.visit({ GITEA_AUTH_SOURCE_ID: "7" });
    expectFailed(found, "auth source");
    expect(found.row("auth source").finding).toBe("no account has the source 7; there are some of 1");
  });

  it("warns of Gitea's own sync beside hubforge's, unless it was wanted", async () => {
    const run = `${stack.gitea.url}/api/v1/admin/cron/sync_external_users`;
    await fetch(run, { method: "POST", headers: { authorization: basic() } });
    const found = await stack.visit();
    expect([found.code, found.in("warning")]).toEqual([0, ["Gitea's own LDAP sync"]]);
    expect(found.row("Gitea's own LDAP sync").finding).toContain("has run 1 times");
    expect((await stack.visit({ GITEA_NATIVE_SYNC: "true" })).in("warning")).toEqual([]);
  });
});

describe("LDAP", () => {
  const group = (name: string) => `cn=${name},ou=groups,dc=uni,dc=example`;

  it("finds a wrong bind password, and tries it once on one server only", async () => {
    // The directory locks an account after three.
    const twice = { LDAP_URLS: `${stack.slapd.url} ${stack.slapd.url.replace("127.0.0.1", "localhost")}` };
    const found = await stack.visit({ ...twice, LDAP_BIND_PASSWORD: "reader-passwort" });
    expectFailed(found, "LDAP bind");
    expect(found.row("LDAP bind").advice).toBe("correct LDAP_BIND_DN or LDAP_BIND_PASSWORD");
    expect(found.row("LDAP people").finding).toBe("skipped: LDAP bind failed");
    expectFailed(await stack.visit({ ...twice, LDAP_BIND_PASSWORD: "reader-pass" }), "LDAP bind");
    expect((await stack.visit(twice)).code).toBe(0);
  });

  it("finds one server of two that is down", async () => {
    const found = await stack.visit({ LDAP_URLS: `ldap://127.0.0.1:${CLOSED_PORT} ${stack.slapd.url}` });
    expectFailed(found, "LDAP bind");
    expect(found.row("LDAP bind").finding).toContain(`ldap://127.0.0.1:${CLOSED_PORT} failed`);
  });

  it.each(["LDAP_BASE", "LDAP_USER_SEARCH_BASE", "LDAP_GROUP_SEARCH_BASE"])("finds a wrong %s", async (name) => {
    const found = await stack.visit({ [name]: "ou=nobody,dc=uni,dc=example" });
    expectFailed(found, "LDAP bases");
    expect(found.row("LDAP bases").finding).toBe(`${name}: there is no "ou=nobody,dc=uni,dc=example"`);
  });

  it("counts whom the filters find, and fails where it is nobody", async () => {
    const some = await stack.visit({ LDAP_ALLOWED_GROUPS: JSON.stringify([group("datasci")]) });
    expect(some.row("LDAP people").finding).toBe(
      "6 found by uid={0}: 2 may come in, 0 disabled, 4 in no allowed group",
    );
    const none = await stack.visit({ LDAP_USER_SEARCH_FILTER: "(&(uid={0})(objectClass=device))" });
    expectFailed(none, "LDAP people");
    expect(none.row("LDAP people").finding).toContain("finds nobody");
    const groupless = await stack.visit({ LDAP_GROUP_SEARCH_FILTER: "(&(member={0})(objectClass=device))" });
    expect(groupless.row("LDAP groups")).toMatchObject({
      state: "warning",
      finding: expect.stringContaining("no group"),
    });
  });

  it("fails where nobody of all who are there may come in", async () => {
    await stack.slapd.modify(newGroup("cooks", "cn=reader,ou=services"));
    const found = await stack.visit({ LDAP_ALLOWED_GROUPS: JSON.stringify([group("cooks")]) });
    expectFailed(found, "LDAP people");
    expect(found.row("LDAP people").finding).toContain("0 may come in");
  });

  it("warns of a group of the settings that shows nobody: it is empty, or its members may not be read", async () => {
    await stack.slapd.modify(
      `dn: ${group("silent")}\nchangetype: add\nobjectClass: posixGroup\ncn: silent\ngidNumber: 78\n`,
    );
    const teams = JSON.stringify({ [group("silent")]: { team: "silent", permission: "read" } });
    const found = await stack.visit({ GROUP_TEAMS: teams });
    expect([found.code, found.in("warning")]).toEqual([0, expect.arrayContaining(["GROUP_TEAMS"])]);
    expect(found.row("GROUP_TEAMS").finding).toBe(`there, but without a member to see: "${group("silent")}"`);
  });

  it("finds ids that nobody has", async () => {
    const found = await stack.visit({ LDAP_ID_ATTRIBUTE: "employeeNumber" });
    expectFailed(found, "LDAP people");
    expect(found.row("LDAP people").finding).toContain("none of employeeNumber of");
  });

  it("finds a group of the settings that the directory does not have", async () => {
    const allowed = JSON.stringify([group("datasci"), group("nope")]);
    const teams = JSON.stringify({ [group("gone")]: { team: "gone", permission: "read" } });
    const found = await stack.visit({ LDAP_ALLOWED_GROUPS: allowed, GROUP_TEAMS: teams });
    expectFailed(found, "LDAP_ALLOWED_GROUPS", "GROUP_TEAMS");
    expect(found.row("LDAP_ALLOWED_GROUPS").finding).toBe(`the directory has no "${group("nope")}"`);
    expect(found.row("GROUP_TEAMS").finding).toBe(`the directory has no "${group("gone")}"`);
  });
});

describe("clocks", () => {
  it("finds SQS or Gitea more than half a minute off, either way", async () => {
    await using sqs = await startSkewedClock(process.env["AWS_ENDPOINT_URL"] ?? "", -45);
    await using gitea = await startSkewedClock(stack.gitea.url, 90);
    const found = await stack.visit({ AWS_ENDPOINT_URL: sqs.url, GITEA_URL: gitea.url });
    expectFailed(found, "clock of Gitea", "clock of SQS");
    expect(found.row("clock of Gitea").finding).toMatch(/^(89|90) s ahead of this machine$/);
    expect(found.row("clock of SQS").finding).toMatch(/^4[45] s behind this machine$/);
  });

  it("lets a few seconds be", async () => {
    await using gitea = await startSkewedClock(stack.gitea.url, 10);
    expect((await stack.visit({ GITEA_URL: gitea.url })).code).toBe(0);
  });
});
