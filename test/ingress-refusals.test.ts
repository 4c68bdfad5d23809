import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startIngress } from "./support/ingress-server.ts";
import { eventBody, NOW, signedHeaders } from "./support/signed-event.ts";

let ingress: Awaited<ReturnType<typeof startIngress>>;
beforeAll(async () => {
  ingress = await startIngress();
});
afterAll(() => ingress[Symbol.dispose]());

const spawn = eventBody();
const bytes = (...values: number[]) => Uint8Array.of(...values);

describe("a request that is refused", () => {
  afterEach(() => {
    expect(ingress.queued).toEqual([]);
    ingress.logged.length = 0;
  });

  it("is 401 with one and the same body for every fault of the signature; the log tells them apart", async () => {
    const { "webhook-signature": _signature, ...unsigned } = signedHeaders(spawn);
    const answers = [
      await ingress.post(spawn, unsigned),
      await ingress.post(spawn, { "content-type": "application/json" }),
      await ingress.post(spawn, { ...signedHeaders(spawn), "webhook-timestamp": "soon" }),
      await ingress.post(spawn, signedHeaders(spawn, { at: new Date(NOW.getTime() - 301_000) })),
      await ingress.post(spawn, signedHeaders(spawn, { at: new Date(NOW.getTime() + 61_000) })),
      await ingress.post(`${spawn} `, signedHeaders(spawn)),
      await ingress.post(eventBody({ hub: "physics" })),
    ];
    expect(answers.map((answer) => answer.status)).toEqual(Array(7).fill(401));
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
    const faults = ["missing", "missing", "malformed", "stale", "future", "wrong", "other-hub"];
    expect(ingress.logged.map((line) => line.code)).toEqual(faults.map((fault) => `signature.${fault}`));
    expect(JSON.stringify(ingress.logged)).not.toMatch(/whsec_|v1,/);
  });

  it.each(["i".repeat(101), "i".repeat(200), "evt 01", "evt.01", "evt_01,evt_02", "évt"])(
    "is 400 for the rightly signed webhook-id %s",
    async (id) => {
      expect(await ingress.post(spawn, signedHeaders(spawn, { id }))).toMatchObject({ status: 400 });
    },
  );

  it.each([
    ["half an object", "{"],
    ["nothing", ""],
    ["a raw control character", eventBody().replace("ada", "a\u0001da")],
    ["a lone surrogate in bytes, which is no UTF-8", bytes(0x22, 0xed, 0xa0, 0x80, 0x22)],
    ["UTF-16", new Uint8Array(Buffer.from(`\ufeff${spawn}`, "utf16le"))],
    ["compressed bytes", bytes(0x1f, 0x8b, 0x08, 0x00)],
  ])("is 400 for %s", async (_case, body) => {
    expect(await ingress.post(body)).toMatchObject({ status: 400 });
  });

  it.each(["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/application/json"])(
    "is 415 for the content type %j",
    async (type) => {
      const { "content-type": _type, ...rest } = signedHeaders(spawn);
      const answer = await ingress.post(
        new TextEncoder().encode(spawn),
        type ? { ...rest, "content-type": type } : rest,
      );
      expect(answer).toMatchObject({ status: 415 });
    },
  );

  it.each([
    [{ user: "ada\uffff" }, "user"],
    [{ user: "ada\ufffe" }, "user"],
    [{ user: "\ud800" }, "user"],
    [{ user: "ada\0" }, "user"],
    [{ user: "ada\u0085" }, "user"],
    [{ server: "proj\n" }, "server"],
    [{ server: "\udfff" }, "server"],
    [{ user: "" }, "user"],
    [{ user: "x".repeat(256) }, "user"],
    [{ user: 7 }, "user"],
    [{ user: null }, "user"],
    [{ session: "with blank" }, "session"],
    [{ hub: ["default"] }, "hub"],
  ])("is 422 and names the field for %j", async (data, field) => {
    const answer = await ingress.post(eventBody(data));
    expect(answer).toMatchObject({ status: 422, body: { issues: [{ path: ["data", field] }] } });
  });

  it.each(["ada\uffff", "ada\\uffff", "ada\\ufffe", "ada\\ud800", "ada\\u0000"])(
    "is 422 for what SQS refuses, raw as well as escaped: %s",
    async (user) => {
      const answer = await ingress.post(eventBody().replace("ada", user));
      expect(answer).toMatchObject({ status: 422, body: { issues: [{ path: ["data", "user"] }] } });
    },
  );

  it.each([
    [{ type: "server.requested" }, ["type"]],
    [{ type: undefined }, ["type"]],
    [{ timestamp: "yesterday" }, ["timestamp"]],
    [{ timestamp: "1999-12-31T23:59:59Z" }, ["timestamp"]],
    [{ timestamp: "2100-01-01T00:00:00Z" }, ["timestamp"]],
    [{ timestamp: "2000-01-01T00:00:00+00:01" }, ["timestamp"]],
    [{ timestamp: `2026-11-24T09:00:00.${"1".repeat(50)}Z` }, ["timestamp"]],
    [{ data: [] }, ["data"]],
    [{ data: undefined }, ["data"]],
  ])("is 422 and names what is wrong for the event with %j", async (event, path) => {
    expect(await ingress.post(eventBody({}, event))).toMatchObject({ status: 422, body: { issues: [{ path }] } });
  });

  it.each([".", "..", "..."])(
    "is 422 for a stop whose account is %s: no name, but a step in a path",
    async (account) => {
      const body = eventBody({ account }, { type: "server.stopped" });
      expect(await ingress.post(body)).toMatchObject({
        status: 422,
        body: { issues: [{ path: ["data", "account"] }] },
      });
    },
  );

  it.each(["null", "[]", "7", '"text"', `${"[".repeat(30_000)}${"]".repeat(30_000)}`])(
    "is 422 for JSON that is no event",
    async (body) => {
      expect(await ingress.post(body)).toMatchObject({ status: 422 });
    },
  );

  it.each([
    ["GET", "/v1/events", 405, "POST"],
    ["PUT", "/v1/events", 405, "POST"],
    ["DELETE", "/v1/events", 405, "POST"],
    ["OPTIONS", "/v1/events", 405, "POST"],
    ["POST", "/healthz", 405, "GET, HEAD"],
    ["POST", "/", 404, null],
    ["POST", "/v1/events/", 404, null],
    ["GET", "/healthz", 200, null],
    ["HEAD", "/healthz", 200, null],
  ])("by method or path is told so: %s %s is %i", async (method, path, status, allow) => {
    const response = await fetch(ingress.url + path, { method });
    expect(response.status).toBe(status);
    expect(response.headers.get("allow")).toBe(allow);
  });

  it("is 413 from the first byte beyond 64 KiB on, counted in bytes", async () => {
    expect(await ingress.post(spawn.padEnd(64 * 1024 + 1, " "))).toMatchObject({ status: 413 });
    const accented = eventBody({ note: "é".repeat(33_000) });
    expect(accented.length).toBeLessThan(64 * 1024);
    expect(await ingress.post(accented)).toMatchObject({ status: 413 });
  });

  it("is 413 while it arrives when no length was announced, long before an endless body ends", async () => {
    const sent = { chunks: 0 };
    expect(await ingress.postChunks(endless(sent), signedHeaders(spawn))).toBe(413);
    expect(sent.chunks * CHUNK.length).toBeLessThan(8 * 1024 * 1024);
  });
});

it("a body of exactly 64 KiB is taken, in one piece or in several", async () => {
  const largest = spawn.padEnd(64 * 1024, " ");
  expect(await ingress.post(largest)).toMatchObject({ status: 202 });
  const halves = [largest.slice(0, 30_000), largest.slice(30_000)];
  expect(await ingress.postChunks(halves, signedHeaders(largest))).toBe(202);
});

const CHUNK = "x".repeat(8192);

function* endless(sent: { chunks: number }): Generator<string> {
  while (sent.chunks < 10_000) {
    sent.chunks += 1;
    yield CHUNK;
  }
}
