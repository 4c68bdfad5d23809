import { afterEach, describe, expect, it } from "vitest";
import { type Door, type HttpFunction, openDoor } from "../infra/local/door.ts";
import type { Handler } from "../infra/local/functions.ts";

let door: Door | undefined;
afterEach(async () => {
  await door?.stop();
  door = undefined;
});

async function open(handler: Handler, { timeoutSeconds = 10 }: Partial<HttpFunction> = {}): Promise<string> {
  const routes = ["POST /v1/events", "GET /healthz"];
  door = await openDoor({ functions: [{ name: "ingress", handler, timeoutSeconds, routes }] });
  return door.url;
}

/** Answers with the event it was given. */
const echo: Handler = async (event) => ({ statusCode: 200, body: JSON.stringify(event) });

describe("the door", () => {
  it("turns a request into a function URL event of format 2.0", async () => {
    const url = await open(echo);
    const response = await fetch(`${url}/v1/events?from=hub&n=1`, {
      method: "POST",
      headers: [
        ["Content-Type", "application/json"],
        ["Webhook-Id", "msg_1"],
      ],
      body: '{"user":"Żółć"}',
    });
    expect(await response.json()).toMatchObject({
      version: "2.0",
      routeKey: "$default",
      rawPath: "/v1/events",
      rawQueryString: "from=hub&n=1",
      queryStringParameters: { from: "hub", n: "1" },
      headers: { "content-type": "application/json", "webhook-id": "msg_1" },
      body: '{"user":"Żółć"}',
      isBase64Encoded: false,
      requestContext: { http: { method: "POST", path: "/v1/events", sourceIp: "127.0.0.1" } },
    });
  });

  it("keeps every byte of a body that is not text", async () => {
    const url = await open(echo);
    const bytes = Buffer.from([0xff, 0x00, 0xc3, 0x28]);
    const response = await fetch(`${url}/v1/events`, { method: "POST", body: bytes });
    expect(await response.json()).toMatchObject({ body: bytes.toString("base64"), isBase64Encoded: true });
  });

  it("passes status, headers, cookies and bytes of the answer on", async () => {
    const url = await open(async () => ({
      statusCode: 418,
      headers: { "Retry-After": 5, "content-type": "image/png" },
      cookies: ["one=1", "two=2"],
      body: Buffer.from([1, 2, 255]).toString("base64"),
      isBase64Encoded: true,
    }));
    const response = await fetch(`${url}/healthz`);
    expect(response.status).toBe(418);
    expect(response.headers.get("retry-after")).toBe("5");
    expect(response.headers.getSetCookie()).toEqual(["one=1", "two=2"]);
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([1, 2, 255]);
  });

  it("asks the function about any method on its paths, and nobody about other paths", async () => {
    const url = await open(echo);
    expect((await fetch(`${url}/v1/events`, { method: "DELETE" })).status).toBe(200);
    expect((await fetch(`${url}/v1/workspaces`, { method: "POST" })).status).toBe(404);
    expect((await fetch(`${url}/`)).status).toBe(404);
  });

  it.each<[string, Handler, number]>([
    ["throws", async () => Promise.reject(new Error("secret detail")), 502],
    ["answers nonsense", async () => "ok", 502],
    ["does not end in time", () => new Promise(() => undefined), 504],
  ])("tells no detail when the function %s", async (_title, handler, status) => {
    const url = await open(handler, { timeoutSeconds: 0.1 });
    const response = await fetch(`${url}/healthz`);
    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain("secret");
  });

  it("refuses more than Lambda takes", async () => {
    const url = await open(echo);
    const response = await fetch(`${url}/v1/events`, { method: "POST", body: "x".repeat(6 * 1024 * 1024 + 1) });
    expect(response.status).toBe(413);
  });

  it("takes the next port of its list when one is taken", async () => {
    const url = await open(echo);
    const taken = Number(new URL(url).port);
    const second = await openDoor({ ports: [taken, 0], functions: [] });
    expect(second.url).not.toBe(url);
    await second.stop();
    await expect(openDoor({ ports: [taken], functions: [] })).rejects.toMatchObject({
      code: "EADDRINUSE",
      port: taken,
    });
  });
});
