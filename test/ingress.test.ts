import { createServer, type ServerResponse } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import * as z from "zod";
import { Envelope } from "#shared/envelope.ts";
import { Retryable } from "#shared/errors.ts";
import { createSender } from "#shared/queue.ts";
import { startIngress } from "./support/ingress-server.ts";
import { eventBody, SECRETS, signedHeaders } from "./support/signed-event.ts";

let ingress: Awaited<ReturnType<typeof startIngress>>;
beforeAll(async () => {
  ingress = await startIngress();
});
afterAll(() => ingress[Symbol.dispose]());
beforeEach(() => {
  ingress.queued.length = 0;
  ingress.logged.length = 0;
});

describe("a signed event", () => {
  it("is answered 202 with its id once the queue has it, as the envelope of a spawn", async () => {
    const answer = await ingress.post(eventBody({ server: "proj", extra: true }, { extra: 1 }));
    expect(answer).toMatchObject({ status: 202, body: { id: "evt_01", status: "queued" } });
    const envelope = {
      version: 1,
      route: "spawn",
      delivery: {
        id: "evt_01",
        hub: "default",
        user: "ada",
        server: "proj",
        session: "0192f0c1",
        occurredAt: "2026-11-24T09:00:00Z",
        receivedAt: "2026-11-24T09:00:05.000Z",
      },
      replay: { number: 0, failedAt: [] },
      leave: [],
    };
    expect(ingress.queued).toEqual([{ stage: "identity", envelope }]);
    expect(Envelope.parse(envelope)).toEqual(envelope);
    const logged = { event: "delivery.accepted", delivery: "evt_01", hub: "default", person: "ada", route: "spawn" };
    expect(ingress.logged).toEqual([expect.objectContaining(logged)]);
  });

  it("of a stopped server goes to release, with its reason and account", async () => {
    const stopped = { type: "server.stopped" };
    await ingress.post(eventBody({ reason: "failed", account: "ada" }, stopped));
    await ingress.post(eventBody({}, stopped));
    expect(ingress.queued).toMatchObject([
      { stage: "release", envelope: { route: "stop", delivery: { reason: "failed", account: "ada" } } },
      { stage: "release", envelope: { route: "stop", delivery: { reason: "unknown" } } },
    ]);
  });

  it.each([
    "müller",
    "philip j. fry",
    "日本",
    "x".repeat(129),
    "a b",
    "a_b",
    "Ada",
    "ada",
    "../..",
    "👩‍🚀",
    "\u200fada",
  ])("is taken for the name %j, whatever becomes of it later", async (user) => {
    expect(await ingress.post(eventBody({ user }))).toMatchObject({ status: 202 });
    expect(ingress.queued[0]?.envelope.delivery.user).toBe(user);
  });

  it("is taken from each hub with that hub's secret, and only with that", async () => {
    const body = eventBody({ hub: "physics" });
    expect(await ingress.post(body, signedHeaders(body, { secrets: SECRETS.physics }))).toMatchObject({ status: 202 });
    expect(await ingress.post(body, signedHeaders(body, { secrets: SECRETS.default }))).toMatchObject({ status: 401 });
    expect(await ingress.post(eventBody({ hub: "chemistry" }))).toMatchObject({ status: 401 });
    expect(await ingress.post(eventBody({ hub: "constructor" }))).toMatchObject({ status: 401 });
    expect(ingress.queued).toHaveLength(1);
    expect(ingress.logged.slice(1).map((line) => line.code)).toEqual(Array(3).fill("signature.other-hub"));
  });

  it("may repeat a key: the last value counts, as JSON.parse has it", async () => {
    const body = eventBody().replace('"user":"ada"', '"user":"bob","user":"ada","__proto__":{"hub":"physics"}');
    expect(await ingress.post(body)).toMatchObject({ status: 202 });
    expect(ingress.queued[0]?.envelope.delivery).toMatchObject({ user: "ada", hub: "default" });
  });

  it("is found in a header that a proxy folded, and in two header lines", async () => {
    const body = eventBody();
    const { "webhook-signature": right = "", ...rest } = signedHeaders(body);
    const wrong = `v1,${"A".repeat(43)}=`;
    for (const signature of [`${wrong} ${right}`, `${wrong},${right}`, `${wrong}, ${right}`, `v1, ${right}`]) {
      expect(await ingress.post(body, { ...rest, "webhook-signature": signature })).toMatchObject({ status: 202 });
    }
    expect(await ingress.postChunks([body], { ...rest, "Webhook-Signature": [wrong, right] })).toBe(202);
    expect(await ingress.post(body, { ...rest, "webhook-signature": wrong })).toMatchObject({ status: 401 });
  });

  it("may say its charset beside application/json", async () => {
    const body = eventBody();
    const headers = { ...signedHeaders(body), "content-type": "Application/JSON; charset=utf-8" };
    expect(await ingress.post(body, headers)).toMatchObject({ status: 202 });
  });
});

describe("when the queue does not accept", () => {
  it("the answer is 503 with Retry-After and no word of why; the log has the reason", async () => {
    const send = () => Promise.reject(new Retryable("queue.unreachable", "queue identity: ECONNREFUSED 10.0.0.7"));
    using down = await startIngress({ send });
    const answer = await down.post(eventBody());
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(JSON.stringify(answer.body)).not.toMatch(/10\.0\.0\.7|\.ts/);
    const logged = { event: "delivery.not-queued", code: "queue.unreachable", delivery: "evt_01" };
    expect(down.logged).toEqual([expect.objectContaining(logged)]);
  });

  it("the same when the secrets cannot be read, so that the hub sends again", async () => {
    using down = await startIngress({ webhookSecrets: () => Promise.reject(new Error("secret store down")) });
    expect(await down.post(eventBody())).toMatchObject({ status: 503 });
    expect(down.queued).toEqual([]);
  });

  it("the same when SQS answers 500 each time", async () => {
    const { requests } = await startBadQueue((response) => response.writeHead(500).end("{}"));
    using down = await startIngress({ send: createSender(process.env).sendEnvelope });
    expect(await down.post(eventBody())).toMatchObject({ status: 503 });
    expect(requests.length).toBeGreaterThan(0);
  });

  it("the same when SQS never answers, before the hub's sender hangs up after 5 s", async () => {
    await startBadQueue(() => {});
    using down = await startIngress({ send: createSender(process.env).sendEnvelope });
    const startedAt = performance.now();
    expect(await down.post(eventBody())).toMatchObject({ status: 503 });
    expect(performance.now() - startedAt).toBeLessThan(4900);
  });
});

/** Something on the queue's port that is not SQS. */
async function startBadQueue(answer: (response: ServerResponse) => void) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(response);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
    vi.unstubAllEnvs();
  });
  const { port } = z.object({ port: z.number() }).parse(server.address());
  vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${port}`);
  vi.stubEnv("QUEUE_URL_IDENTITY", `http://127.0.0.1:${port}/000000000000/identity.fifo`);
  return { requests };
}
