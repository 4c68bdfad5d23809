import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { LambdaContext, LambdaEvent } from "hono/aws-lambda";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { setLogWriter } from "#shared/log.ts";
import { handler } from "../functions/ingress/handler.ts";
import { type EmbeddedQueues, startEmbeddedQueues } from "../infra/local/embedded-queues.ts";
import { eventBody, SECRETS, signedHeaders } from "./support/signed-event.ts";

/** The handler as AWS calls it, with the real SQS client and a queue. */
let queues: EmbeddedQueues;

beforeAll(async () => {
  setLogWriter(() => {});
  queues = await startEmbeddedQueues();
  vi.stubEnv("AWS_ENDPOINT_URL", queues.endpoint);
  vi.stubEnv("WEBHOOK_SECRETS", JSON.stringify(SECRETS));
  vi.stubEnv("QUEUE_URL_IDENTITY", `${queues.endpoint}/000000000000/identity.fifo`);
  await new SQSClient({}).send(
    new CreateQueueCommand({ QueueName: "identity.fifo", Attributes: { FifoQueue: "true" } }),
  );
});

describe("the ingress behind a function URL or an HTTP API", () => {
  it("takes a plain body, and has queued it when it answers", async () => {
    const body = eventBody({ user: "müller" });
    expect(await call({ body, headers: signedHeaders(body, { at: new Date() }) })).toMatchObject({ statusCode: 202 });
    expect(queues.messagesIn("identity.fifo")).toMatchObject([
      { deduplicationId: "default:evt_01:identity:0", body: expect.stringContaining('"user":"müller"') },
    ]);
  });

  it("takes a base64 body, and a delivery that comes again adds nothing", async () => {
    const body = Buffer.from(eventBody({ user: "müller" }));
    const headers = signedHeaders(body, { at: new Date() });
    const encoded = { body: body.toString("base64"), isBase64Encoded: true, headers };
    expect(await call(encoded)).toMatchObject({ statusCode: 202 });
    expect(queues.messagesIn("identity.fifo")).toHaveLength(1);
  });

  it("takes header names in any case and signatures folded by commas", async () => {
    const body = eventBody();
    const headers = signedHeaders(body, { at: new Date() });
    const wrong = `v1,${"A".repeat(43)}=`;
    for (const signature of [`${wrong},${headers["webhook-signature"]}`, `${wrong}, ${headers["webhook-signature"]}`]) {
      const shouted = Object.entries({ ...headers, "webhook-signature": signature }).map(([k, v]) => [
        k.toUpperCase(),
        v,
      ]);
      expect(await call({ body, headers: Object.fromEntries(shouted) })).toMatchObject({ statusCode: 202 });
    }
  });

  it("counts the decoded bytes of a base64 body", async () => {
    const largest = eventBody().padEnd(64 * 1024, " ");
    const base64 = (body: string) => ({ body: Buffer.from(body).toString("base64"), isBase64Encoded: true });
    const headers = (body: string) => signedHeaders(body, { at: new Date() });
    expect(await call({ ...base64(largest), headers: headers(largest) })).toMatchObject({ statusCode: 202 });
    const larger = `${largest} `;
    expect(await call({ ...base64(larger), headers: headers(larger) })).toMatchObject({ statusCode: 413 });
  });

  it("answers without a body as well", async () => {
    expect(await call({ headers: {}, method: "GET", path: "/healthz" })).toMatchObject({ statusCode: 200 });
    expect(await call({ headers: { "content-type": "application/json" } })).toMatchObject({ statusCode: 401 });
    expect(await call({ headers: {} })).toMatchObject({ statusCode: 415 });
  });
});

it("is 503 with Retry-After while the queue is down", async () => {
  await queues.stop();
  const body = eventBody();
  const answer = await call({ body, headers: signedHeaders(body, { at: new Date() }) });
  expect(answer).toMatchObject({ statusCode: 503, headers: { "retry-after": expect.stringMatching(/^\d+$/) } });
});

type Call = {
  headers: Record<string, string>;
  body?: string;
  isBase64Encoded?: boolean;
  method?: string;
  path?: string;
};

/** A version 2.0 event, as function URLs and HTTP APIs send it (Lambda developer guide, "Request payload format"). */
async function call({ headers, body, isBase64Encoded = false, method = "POST", path = "/v1/events" }: Call) {
  const event = {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: "",
    headers,
    body: body ?? null,
    isBase64Encoded,
    requestContext: {
      domainName: "abc.lambda-url.eu-central-1.on.aws",
      http: { method, path, protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "test" },
    },
  };
  return await handler(event as unknown as LambdaEvent, {} as LambdaContext); // AWS's event has 20 fields nobody reads
}
