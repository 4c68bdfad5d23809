import { createServer } from "node:http";
import {
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  type QueueAttributeName,
  SetQueueAttributesCommand,
} from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { createQueues } from "../infra/local/resources.ts";
import { type DoctorStack, startDoctorStack, startSkewedClock, type Visit } from "./support/doctor.ts";
import { runOps } from "./support/ops.ts";
import { CLOSED_PORT, listen, startSilence } from "./support/ports.ts";
import { startSecretStore } from "./support/secret-store.ts";
import { newGroup } from "./support/slapd.ts";

let stack: DoctorStack;
beforeAll(async () => {
  stack = await startDoctorStack();
}, 60_000);
afterAll(() => stack.stop());
afterEach(() => stack.gitea.faults.clear());

const CLOSED = `http://127.0.0.1:${CLOSED_PORT}`;
const OF_GITEA = /^(Gitea |right |organisation$|auth source$|Gitea's|clock of Gitea)/;
const allOk = (visit: Visit, names: RegExp) =>
  visit.rows.filter(({ check, state }) => names.test(check) && state !== "ok").map(({ check }) => check);

/** Exactly these failed, each with something to do, and the exit code says so. */
function expectFailed(visit: Visit, ...checks: string[]) {
  expect(visit.in("failed")).toEqual(checks);
  expect(visit.code).toBe(1);
  for (const check of checks) expect(visit.row(check).advice, check).toMatch(/\w+ \w+/);
}

const queueOf = (name: string) => {
  const found = stack.queues.find(({ queue }) => queue === name);
  if (!found) throw new Error(`no queue ${name}`);
  return found;
};
/** Changes attributes of a queue; the result puts them back. */
async function misset(name: string, attributes: Partial<Record<QueueAttributeName, string>>) {
  const { url, attributes: right } = queueOf(name);
  const set = (Attributes: Record<string, string>) =>
    stack.sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes }));
  await set(attributes);
  return async () =>
    void (await set(Object.fromEntries(Object.keys(attributes).map((key) => [key, right[key] ?? ""]))));
}

describe("on a healthy stack", () => {
  it("finds all well, and changes nothing", async () => {
    stack.gitea.requests.splice(0);
    const visit = await stack.visit();
    expect(visit.rows.filter(({ state }) => state !== "ok").map(({ check, state }) => [check, state])).toEqual([
      ["secrets", "not applicable"],
      ["event source mappings", "not applicable"],
    ]);
    expect(visit.code).toBe(0);
    expect(visit.rows.length).toBeGreaterThan(45);
    const writes = stack.gitea.requests.filter(({ method }) => method !== "GET");
    expect(writes.map(({ status }) => status).toSorted()).toEqual([404, 422, 422, 422]);
    for (const { url } of stack.queues) {
      const question = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] });
      const { Attributes = {} } = await stack.sqs.send(question);
      const counts = Object.entries(Attributes).filter(([name]) => name.startsWith("ApproximateNumberOfMessages"));
      expect(counts.filter(([, count]) => count !== "0")).toEqual([]);
    }
  });

  it("draws a table where a person looks, and what to do below it", async () => {
    const environment = { ...process.env, LDAP_ID_ATTRIBUTE: "uid" };
    const words = ["doctor", "--ingress", stack.url];
    const { code, stdout, stderr } = await runOps(words, { environment, columns: 100 });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^STATE +CHECK +FINDING\n/);
    expect(stdout).toMatch(/\nok +queue identity +5 attributes as in the template\n/);
    expect(stdout).toMatch(/\nwarning: LDAP_ID_ATTRIBUTE: uid is the user attribute itself.*\n {2}do: right only for/);
    expect(stderr).toMatch(/^4\d checks: 4\d ok, 1 warning, 2 not applicable, on the queues of QUEUE_URL_\*\n$/);
  });
});

describe("queues", () => {
  it.each([
    ["account", { VisibilityTimeout: "31" }, "VisibilityTimeout is 31, should be 60"],
    ["departures", { DelaySeconds: "0" }, "DelaySeconds is 0, should be 300"],
    ["dead-letters", { MessageRetentionPeriod: "60" }, "MessageRetentionPeriod is 60, should be 1209600"],
  ])("finds a wrong attribute of %s", async (name, attributes, sentence) => {
    const restore = await misset(name, attributes);
    const visit = await stack.visit();
    await restore();
    expectFailed(visit, `queue ${name}`);
    expect(visit.row(`queue ${name}`).finding).toBe(sentence);
    expect(visit.in("skipped")).toEqual(["dead-letters"].includes(name) ? ["clock of SQS"] : [`redrive ${name}`]);
  });

  it("finds a redrive that goes elsewhere, too early, or nowhere", async () => {
    const to = (queue: string, maxReceiveCount: number) => ({
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: queueOf(queue).arn, maxReceiveCount }),
    });
    const restores = [
      await misset("account", to("release", 30)),
      await misset("team", to("crashed", 3)),
      await misset("templates", { RedrivePolicy: "" }),
    ];
    const visit = await stack.visit();
    for (const restore of restores) await restore();
    expectFailed(visit, "redrive account", "redrive team", "redrive templates");
    expect(visit.row("redrive account").finding).toMatch(/it goes to .*release.fifo, should go to .*crashed.fifo/);
    expect(visit.row("redrive team").finding).toBe("maxReceiveCount is 3, should be 30");
    expect(visit.row("redrive templates").finding).toBe("it has no redrive policy");
  });

  it("finds one that is gone, and one that a function was given in the place of another", async () => {
    await stack.sqs.send(new DeleteQueueCommand({ QueueUrl: queueOf("release").url }));
    const visit = await stack.visit({ QUEUE_URL_TEMPLATES: queueOf("repository").url });
    await createQueues(stack.sqs, process.env["AWS_ENDPOINT_URL"] ?? "", [queueOf("release")]);
    expectFailed(visit, "queue templates", "queue release");
    expect(visit.row("queue release").finding).toContain("there is no queue hubforge-local-release.fifo");
    expect(visit.row("queue templates").finding).toMatch(/it is hubforge-local-repository.fifo, should be .*templates/);
    expect(visit.in("skipped")).toEqual(["redrive templates", "redrive release"]);
  });

  it("goes on with the rest where no queue answers", async () => {
    const visit = await stack.visit({ AWS_ENDPOINT_URL: CLOSED });
    expect(visit.in("failed")).toHaveLength(9);
    expect(visit.row("queue identity").finding).toContain("does not answer (ECONNREFUSED)");
    expect(allOk(visit, OF_GITEA)).toEqual([]);
  });
});

describe("settings and secrets", () => {
  it.each([
    ["webhooks", { WEBHOOK_SECRETS: "nonsense" }],
    ["gitea", { GITEA_AUTH_SOURCE_ID: "first" }],
    ["directory", { LDAP_USER_SEARCH_FILTER: "(uid={0}" }],
    ["templates", { COMMIT_EMAIL: "nobody" }],
    ["retries", { RETRY_FOR_MINUTES: "0" }],
    ["sync", { SYNC_CREATE: "some" }],
  ])("finds a wrong setting of %s", async (section, changes) => {
    const visit = await stack.visit(changes);
    expectFailed(visit, `settings ${section}`);
    expect(visit.row(`settings ${section}`).finding).toContain(Object.keys(changes)[0]);
    if (section === "gitea") expect(visit.row("Gitea reachable").finding).toBe("skipped: settings gitea failed");
    if (section === "gitea") expect(visit.row("right write:user").state).toBe("skipped");
  });

  it("reads every secret that is referred to, and names one that is not there", async () => {
    const store = await startSecretStore();
    process.env["AWS_ENDPOINT_URL_SSM"] = store.endpoint;
    process.env["AWS_ENDPOINT_URL_SECRETSMANAGER"] = store.endpoint;
    store.parameters.set("/gitea", stack.gitea.token);
    store.secrets.set("ldap", JSON.stringify({ password: process.env["LDAP_BIND_PASSWORD"] }));
    const references = { GITEA_TOKEN: "ssm:/gitea", LDAP_BIND_PASSWORD: "secretsmanager:ldap#password" };
    const well = await stack.visit(references);
    const torn = await stack.visit({ ...references, LDAP_BIND_PASSWORD: "secretsmanager:ldap#passwort" });
    delete process.env["AWS_ENDPOINT_URL_SSM"];
    delete process.env["AWS_ENDPOINT_URL_SECRETSMANAGER"];
    await store.stop();
    expect(well.code).toBe(0);
    expect(well.row("secret GITEA_TOKEN").finding).toBe("ssm:/gitea can be read");
    expectFailed(torn, "secret LDAP_BIND_PASSWORD");
    expect(torn.row("secret LDAP_BIND_PASSWORD").finding).toContain("it has no such text");
    expect(torn.row("LDAP bind").state).toBe("skipped");
    expect(JSON.stringify([well.rows, torn.rows])).not.toContain(stack.gitea.token);
  });
});

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
    const visit = await stack.visit({ GITEA_TOKEN: await mint(SCOPES) });
    expect([visit.code, visit.in("failed")]).toEqual([0, []]);
  });

  it.each(SCOPES)("finds that %s is missing", async (scope) => {
    const others = SCOPES.filter((other) => other !== scope);
    const visit = await stack.visit({ GITEA_TOKEN: await mint([...others, scope.replace("write", "read")]) });
    expectFailed(visit, `right ${scope}`);
    expect(visit.row(`right ${scope}`).finding).toMatch(/answered 403: token does not have at least one of required/);
    expect(visit.row(`right ${scope}`).advice).toContain(scope);
  });

  it("finds a wrong token, and asks nothing more", async () => {
    const visit = await stack.visit({ GITEA_TOKEN: "0".repeat(40) });
    expectFailed(visit, "Gitea credentials");
    expect(visit.row("right write:admin").finding).toBe("skipped: Gitea credentials failed");
    expect(visit.row("Gitea reachable").state).toBe("ok");
    expect(allOk(visit, /^(LDAP|queue|redrive|webhook)/)).toEqual([]);
  });

  it("finds that the token is a person's", async () => {
    const visit = await stack.visit({ GITEA_TOKEN: await mint(SCOPES, "ada") });
    expect(visit.in("failed")).toEqual(["Gitea site admin", "right write:admin"]);
    expect(visit.row("Gitea site admin").finding).toBe("ada is no site admin");
  });

  it("finds one that does not answer, and one that never does", async () => {
    await using silence = await startSilence();
    const closed = await stack.visit({ GITEA_URL: CLOSED });
    expectFailed(closed, "Gitea reachable");
    expect(closed.row("Gitea reachable").finding).toContain("no answer from Gitea");
    const startedAt = Date.now();
    expectFailed(await stack.visit({ GITEA_URL: silence.url }), "Gitea reachable");
    expect(Date.now() - startedAt).toBeLessThan(15_000);
  });

  it("finds an old version, and that nobody may be asked for", async () => {
    stack.gitea.faults.add({ path: "/version", status: 200, body: { version: "1.21.11" }, times: "always" });
    stack.gitea.faults.add({ sudo: "svc", status: 403, body: { message: "no sudo" }, times: "always" });
    const visit = await stack.visit();
    expectFailed(visit, "Gitea version", "right Sudo");
    expect(visit.row("Gitea version").finding).toBe("1.21.11 is older than 1.22");
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
    const visit = await stack.visit({ GITEA_AUTH_SOURCE_ID: "7" });
    expectFailed(visit, "auth source");
    expect(visit.row("auth source").finding).toBe("no account has the source 7; there are some of 1");
  });

  it("warns of Gitea's own sync beside hubforge's, unless it was wanted", async () => {
    const run = `${stack.gitea.url}/api/v1/admin/cron/sync_external_users`;
    await fetch(run, { method: "POST", headers: { authorization: basic() } });
    const visit = await stack.visit();
    expect([visit.code, visit.in("warning")]).toEqual([0, ["Gitea's own LDAP sync"]]);
    expect(visit.row("Gitea's own LDAP sync").finding).toContain("has run 1 times");
    expect((await stack.visit({ GITEA_NATIVE_SYNC: "true" })).in("warning")).toEqual([]);
  });
});

describe("LDAP", () => {
  const group = (name: string) => `cn=${name},ou=groups,dc=uni,dc=example`;

  it("finds a wrong bind password, and does not try it again", async () => {
    const visit = await stack.visit({ LDAP_BIND_PASSWORD: "reader-passwort" });
    expectFailed(visit, "LDAP bind");
    expect(visit.row("LDAP bind").advice).toBe("correct LDAP_BIND_DN or LDAP_BIND_PASSWORD");
    expect(visit.row("LDAP people").finding).toBe("skipped: LDAP bases was skipped");
    // The directory locks an account after three.
    expect((await stack.visit()).code).toBe(0);
  });

  it("finds one server of two that is down", async () => {
    const visit = await stack.visit({ LDAP_URLS: `ldap://127.0.0.1:${CLOSED_PORT} ${stack.slapd.url}` });
    expectFailed(visit, "LDAP bind");
    expect(visit.row("LDAP bind").finding).toContain(`ldap://127.0.0.1:${CLOSED_PORT} failed`);
  });

  it.each(["LDAP_BASE", "LDAP_USER_SEARCH_BASE", "LDAP_GROUP_SEARCH_BASE"])("finds a wrong %s", async (name) => {
    const visit = await stack.visit({ [name]: "ou=nobody,dc=uni,dc=example" });
    expectFailed(visit, "LDAP bases");
    expect(visit.row("LDAP bases").finding).toBe(`${name}: there is no "ou=nobody,dc=uni,dc=example"`);
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
    const visit = await stack.visit({ LDAP_ALLOWED_GROUPS: JSON.stringify([group("cooks")]) });
    expectFailed(visit, "LDAP people");
    expect(visit.row("LDAP people").finding).toContain("0 may come in");
  });

  it("finds ids that nobody has", async () => {
    const visit = await stack.visit({ LDAP_ID_ATTRIBUTE: "employeeNumber" });
    expectFailed(visit, "LDAP people");
    expect(visit.row("LDAP people").finding).toContain("none of employeeNumber of");
  });

  it("finds a group of the settings that the directory does not have", async () => {
    const allowed = JSON.stringify([group("datasci"), group("nope")]);
    const teams = JSON.stringify({ [group("gone")]: { team: "gone", permission: "read" } });
    const visit = await stack.visit({ LDAP_ALLOWED_GROUPS: allowed, GROUP_TEAMS: teams });
    expectFailed(visit, "LDAP_ALLOWED_GROUPS", "GROUP_TEAMS");
    expect(visit.row("LDAP_ALLOWED_GROUPS").finding).toBe(`the directory has no "${group("nope")}"`);
    expect(visit.row("GROUP_TEAMS").finding).toBe(`the directory has no "${group("gone")}"`);
  });
});

describe("clocks", () => {
  it("finds SQS or Gitea more than half a minute off, either way", async () => {
    await using sqs = await startSkewedClock(process.env["AWS_ENDPOINT_URL"] ?? "", -45);
    await using gitea = await startSkewedClock(stack.gitea.url, 90);
    const visit = await stack.visit({ AWS_ENDPOINT_URL: sqs.url, GITEA_URL: gitea.url });
    expectFailed(visit, "clock of Gitea", "clock of SQS");
    expect(visit.row("clock of Gitea").finding).toMatch(/^(89|90) s ahead of this machine$/);
    expect(visit.row("clock of SQS").finding).toMatch(/^4[45] s behind this machine$/);
  });

  it("lets a few seconds be", async () => {
    await using gitea = await startSkewedClock(stack.gitea.url, 10);
    expect((await stack.visit({ GITEA_URL: gitea.url })).code).toBe(0);
  });
});

describe("webhooks", () => {
  const other = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

  it("finds a secret that the ingress does not know, the second of a rotation as well", async () => {
    const wrong = await stack.visit({ WEBHOOK_SECRETS: JSON.stringify({ default: [other] }) });
    expectFailed(wrong, "webhook secret default");
    expect(wrong.row("webhook secret default").finding).toBe("the secret is not taken (401)");
    const second = await stack.visit({ WEBHOOK_SECRETS: JSON.stringify({ default: [stack.secret, other] }) });
    expect(second.row("webhook secret default").finding).toBe("number 2 of 2 is not taken (401)");
    expect(JSON.stringify([wrong.rows, second.rows])).not.toMatch(/whsec_/);
  });

  it("finds an ingress that does not answer", async () => {
    const visit = await stack.visit({}, { ingress: CLOSED });
    expectFailed(visit, "ingress reachable");
    expect(visit.in("skipped")).toEqual(["webhook secret default", "webhook of a stranger"]);
  });

  it("finds an ingress that lets anybody in", async () => {
    const server = createServer((incoming, outgoing) => {
      outgoing.writeHead(incoming.url === "/healthz" ? 200 : 202).end();
    });
    const visit = await stack.visit({}, { ingress: `http://127.0.0.1:${await listen(server)}` });
    server.closeAllConnections();
    server.close();
    expectFailed(visit, "webhook secret default", "webhook of a stranger");
    expect(visit.row("webhook of a stranger").finding).toBe("signed with another secret, it was answered 202");
  });
});
