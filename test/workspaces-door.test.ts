import type { LambdaContext, LambdaEvent } from "hono/aws-lambda";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { handler } from "../functions/workspaces/handler.ts";
import { spawnOf } from "./support/envelopes.ts";
import { SECRETS, signedHeaders } from "./support/signed-event.ts";
import { newPerson } from "./support/slapd.ts";
import { postQuestion, questionBody, startWorkspaces, type Workspaces } from "./support/workspaces-server.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
let workspaces: Workspaces;
beforeAll(async () => {
  world = await startWorld();
  workspaces = await startWorkspaces(world);
  for (const uid of ["ada", "bob"]) await world.pass(spawnOf(uid));
});
afterAll(async () => {
  workspaces.stop();
  await world.stop();
});

describe("the door", () => {
  const credentials = (change: Record<string, unknown> = {}) =>
    JSON.stringify({ ...JSON.parse(questionBody("workspace.credentials", { user: "ada" })), ...change });
  const signed = (body: string) => signedHeaders(body, { at: new Date() });
  const hour = 3_600_000;

  it.each<[string, string, (body: string) => Record<string, string>, number]>([
    ["an unsigned question", credentials(), () => ({ "content-type": "application/json" }), 401],
    [
      "one signed by another hub",
      credentials(),
      (body) => signedHeaders(body, { at: new Date(), secrets: SECRETS.physics }),
      401,
    ],
    ["one signed an hour ago", credentials(), (body) => signedHeaders(body, { at: new Date(Date.now() - hour) }), 401],
    ["a body that was changed on its way", credentials(), () => signed(credentials({ type: "workspace.status" })), 401],
    ["another content type", credentials(), (body) => ({ ...signed(body), "content-type": "text/plain" }), 415],
    ["an id that is none", credentials(), (body) => ({ ...signed(body), "webhook-id": "a b" }), 400],
    ["no JSON", "{", signed, 400],
    ["a type that it does not know", credentials({ type: "workspace.delete" }), signed, 422],
    ["a hub's event", credentials({ type: "server.spawning" }), signed, 422],
    ["a name that holds a control character", questionBody("workspace.status", { user: "ada\u0007" }), signed, 422],
    [
      "sessions without their names",
      questionBody("workspace.status", { user: "ada" }).replaceAll('session"', 's"'),
      signed,
      422,
    ],
    ["more than 64 KiB", credentials().padEnd(64 * 1024 + 1), signed, 413],
  ])("turns away %s", async (_what, body, headers, status) => {
    const answer = await postQuestion(workspaces.url, body, headers(body));
    expect(answer.status).toBe(status);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const unauthorized = { error: "unauthorized", message: "the signature is missing, wrong or too old" };
    if (status === 401) expect(answer.body).toEqual(unauthorized);
    expect(world.lines.at(-1)).toMatchObject({ event: "delivery.refused", status });
  });

  it("takes a POST and nothing else", async () => {
    const answer = await fetch(workspaces.url);
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
    expect((await fetch(`${workspaces.url}/ada`)).status).toBe(404);
  });
});

describe("what an answer costs Gitea", () => {
  const cost = async (asked: Promise<{ status: number }>): Promise<string> => {
    world.gitea.requests.splice(0);
    expect((await asked).status).toBe(200);
    const writes = world.gitea.requests.filter(({ method }) => method !== "GET");
    return `${world.gitea.requests.length} requests, ${writes.length} writes`;
  };

  it("is at most 5 requests for a status, and 5 for credentials, with one more each in an environment's first answer", async () => {
    await world.view.send("PATCH", "/repos/ilum-jupyterhub/jupyterhub-bob", { name: "thesis" }, "bob");
    await world.slapd.modify(newPerson("otto"));
    const fresh = await startWorkspaces(world);
    const costs = {
      "status, cold start": await cost(fresh.status("ada")),
      status: await cost(fresh.status("ada")),
      "status, renamed repository": await cost(fresh.status("bob")),
      "status, no account yet": await cost(fresh.status("otto")),
      credentials: await cost(fresh.credentials("ada")),
      "credentials again": await cost(fresh.credentials("ada")),
    };
    fresh.stop();
    process.stdout.write(`${JSON.stringify(costs, null, 1)}\n`);
    expect(costs).toEqual({
      "status, cold start": "3 requests, 0 writes",
      status: "3 requests, 0 writes",
      "status, renamed repository": "5 requests, 0 writes",
      "status, no account yet": "3 requests, 0 writes",
      credentials: "5 requests, 1 writes",
      "credentials again": "6 requests, 2 writes",
    });
  });
});

describe("the deployed handler", () => {
  it("answers API Gateway's event from the settings of its environment", async () => {
    const environment = { ...world.environment, WEBHOOK_SECRETS: JSON.stringify(SECRETS) };
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    const body = questionBody("workspace.credentials", { user: "ada" });
    const http = {
      method: "POST",
      path: "/v1/workspaces",
      protocol: "HTTP/1.1",
      sourceIp: "127.0.0.1",
      userAgent: "test",
    };
    const event = {
      version: "2.0",
      routeKey: "$default",
      rawPath: http.path,
      rawQueryString: "",
      headers: signedHeaders(body, { at: new Date() }),
      body,
      isBase64Encoded: false,
      requestContext: { domainName: "abc.lambda-url.eu-central-1.on.aws", http },
    };
    const answer = await handler(event as unknown as LambdaEvent, {} as LambdaContext); // AWS's event has 20 fields nobody reads
    vi.unstubAllEnvs();
    expect(answer).toMatchObject({ statusCode: 200, headers: { "cache-control": "no-store" } });
    expect(answer.body).toContain('"username":"hubforge"');
  });
});
