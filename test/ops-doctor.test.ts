import { createServer } from "node:http";
import {
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  type QueueAttributeName,
  SetQueueAttributesCommand,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createQueues } from "../infra/local/resources.ts";
import { type DoctorStack, expectFailed, notOk, startDoctorStack, visit } from "./support/doctor.ts";
import { runOps } from "./support/ops.ts";
import { CLOSED_PORT, listen } from "./support/ports.ts";
import { startSecretStore } from "./support/secret-store.ts";

let stack: DoctorStack;
beforeAll(async () => {
  stack = await startDoctorStack();
}, 60_000);
afterAll(() => stack.stop());

const CLOSED = `http://127.0.0.1:${CLOSED_PORT}`;
const OF_GITEA = /^(Gitea |right |organisation$|auth source$|Gitea's|clock of Gitea)/;

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
    const found = await stack.visit();
    expect(found.rows.filter(({ state }) => state !== "ok").map(({ check, state }) => [check, state])).toEqual([
      ["secrets", "not applicable"],
      ["event source mappings", "not applicable"],
    ]);
    expect(found.code).toBe(0);
    expect(found.rows.length).toBeGreaterThan(45);
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
    const found = await stack.visit();
    await restore();
    expectFailed(found, `queue ${name}`);
    expect(found.row(`queue ${name}`).finding).toBe(sentence);
    expect(found.in("skipped")).toEqual(["dead-letters"].includes(name) ? ["clock of SQS"] : [`redrive ${name}`]);
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
    const found = await stack.visit();
    for (const restore of restores) await restore();
    expectFailed(found, "redrive account", "redrive team", "redrive templates");
    expect(found.row("redrive account").finding).toMatch(/it goes to .*release.fifo, should go to .*crashed.fifo/);
    expect(found.row("redrive team").finding).toBe("maxReceiveCount is 3, should be 30");
    expect(found.row("redrive templates").finding).toBe("it has no redrive policy");
  });

  it("finds one that is gone, and one that a function was given in the place of another", async () => {
    await stack.sqs.send(new DeleteQueueCommand({ QueueUrl: queueOf("release").url }));
    const found = await stack.visit({ QUEUE_URL_TEMPLATES: queueOf("repository").url });
    await createQueues(stack.sqs, process.env["AWS_ENDPOINT_URL"] ?? "", [queueOf("release")]);
    expectFailed(found, "queue templates", "queue release");
    expect(found.row("queue release").finding).toContain("there is no queue hubforge-local-release.fifo");
    expect(found.row("queue templates").finding).toMatch(/it is hubforge-local-repository.fifo, should be .*templates/);
    expect(found.in("skipped")).toEqual(["redrive templates", "redrive release"]);
  });

  it("goes on with the rest where no queue answers", async () => {
    const found = await stack.visit({ AWS_ENDPOINT_URL: CLOSED });
    expect(found.in("failed")).toHaveLength(9);
    expect(found.row("queue identity").finding).toContain("does not answer (ECONNREFUSED)");
    expect(notOk(found, OF_GITEA)).toEqual([]);
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
    const found = await stack.visit(changes);
    expectFailed(found, `settings ${section}`);
    expect(found.row(`settings ${section}`).finding).toContain(Object.keys(changes)[0]);
    if (section === "gitea") expect(found.row("Gitea reachable").finding).toBe("skipped: settings gitea failed");
    if (section === "gitea") expect(found.row("right write:user").state).toBe("skipped");
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
    const found = await stack.visit({}, { ingress: CLOSED });
    expectFailed(found, "ingress reachable");
    expect(found.in("skipped")).toEqual(["webhook secret default", "webhook of a stranger"]);
  });

  it("finds an ingress that lets anybody in", async () => {
    const server = createServer((incoming, outgoing) => {
      outgoing.writeHead(incoming.url === "/healthz" ? 200 : 202).end();
    });
    const found = await stack.visit({}, { ingress: `http://127.0.0.1:${await listen(server)}` });
    server.closeAllConnections();
    server.close();
    expectFailed(found, "webhook secret default", "webhook of a stranger");
    expect(found.row("webhook of a stranger").finding).toBe("signed with another secret, it was answered 202");
  });
});

describe("a deployment that was never made", () => {
  it("lacks every queue and function, and the rest is looked at all the same", async () => {
    const withoutUrls = Object.entries(process.env).filter(([name]) => !name.startsWith("QUEUE_URL_"));
    const looked = await visit(Object.fromEntries(withoutUrls), ["--deployment", "nope"]);
    expect(looked.code).toBe(1);
    expect(looked.row("queue identity").finding).toContain("there is no queue hubforge-nope-identity.fifo");
    expect(looked.row("queue identity").advice).toContain("npm run deploy -- --stage nope");
    expect(looked.in("failed").filter((check) => /^queue /.test(check))).toHaveLength(9);
    expect(looked.in("failed").filter((check) => /^woken /.test(check))).toHaveLength(8);
    expect(looked.row("ingress reachable").state).toBe("failed");
    expect(notOk(looked, OF_GITEA)).toEqual([]);
    expect(notOk(looked, /^(LDAP|settings)/)).toEqual([]);
  });
});
