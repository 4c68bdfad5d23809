import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { signDelivery, verifySignature } from "#shared/signature.ts";

const SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER = "whsec_//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=";
const SENT_AT = new Date(1767225600_000);
const BODY = '{"type":"server.requested","user":"ada"}';
const SIGNATURE = "v1,KrqyXmoPjs7GvYIk5y6avlOWnMB3ydvC9f9BJFxXusA=";

type Attempt = { id?: string; timestamp?: string; signature?: string; body?: string; secrets?: string[]; now?: Date };

function verify(attempt: Attempt) {
  const { id = "evt_01", timestamp = "1767225600", signature = SIGNATURE, body = BODY } = attempt;
  const headers = new Headers({ "Webhook-Id": id, "WEBHOOK-TIMESTAMP": timestamp, "webhook-Signature": signature });
  const secrets = { default: attempt.secrets ?? [SECRET], physics: [OTHER] };
  return verifySignature({ headers, rawBody: Buffer.from(body), secrets, now: attempt.now ?? SENT_AT });
}

const secondsAfter = (seconds: number) => new Date(SENT_AT.getTime() + seconds * 1000);
const accepted = { hubs: ["default"] };

describe("known signatures", () => {
  it.each([
    [BODY, SIGNATURE],
    ['{"user":"Żółć"}', "v1,qh8d7RxYaqTG2tY9+SPb7fdpbejFqEIA4ERU5wpncgA="],
    ["", "v1,k2HFYjRCDdieHOklkBiTdu0lYqF0ihRp9mxQwLRWF/o="],
  ])("for the body %j verify and are what we sign", (body, signature) => {
    expect(verify({ body, signature })).toEqual(accepted);
    expect(signDelivery({ id: "evt_01", timestamp: SENT_AT, body, secrets: [SECRET] })).toEqual({
      "webhook-id": "evt_01",
      "webhook-timestamp": "1767225600",
      "webhook-signature": signature,
    });
  });
});

describe("the npm package standardwebhooks", () => {
  const texts = fc.string({ unit: "binary" }).map((text) => JSON.stringify(text.toWellFormed()));
  const ids = fc.stringMatching(/^[A-Za-z0-9_-]{1,100}$/);
  const secrets = fc
    .uint8Array({ minLength: 24, maxLength: 64 })
    .map((key) => `whsec_${Buffer.from(key).toString("base64")}`);

  it("accepts what we sign and signs what we accept", () => {
    fc.assert(
      fc.property(texts, ids, secrets, (body, id, secret) => {
        const now = new Date();
        const oracle = new Webhook(secret);
        const ours = signDelivery({ id, timestamp: now, body, secrets: [OTHER, secret] });
        expect(() => oracle.verify(body, ours)).not.toThrow();
        const theirs = new Headers({ ...ours, "webhook-signature": oracle.sign(id, now, body) });
        const rawBody = Buffer.from(body);
        expect(verifySignature({ headers: theirs, rawBody, secrets: { hub: [secret] }, now })).toEqual({
          hubs: ["hub"],
        });
      }),
      { numRuns: 300 },
    );
  });

  it("agrees on what is refused", () => {
    const now = new Date();
    const headers = signDelivery({ id: "evt_01", timestamp: now, body: BODY, secrets: [OTHER] });
    expect(() => new Webhook(SECRET).verify(BODY, headers)).toThrow();
    const ours = { headers: new Headers(headers), rawBody: Buffer.from(BODY), secrets: { default: [SECRET] }, now };
    expect(verifySignature(ours)).toEqual({ refused: "signature.wrong" });
  });
});

describe("a signature", () => {
  it("is good from 60 s before to 300 s after its time, and not a second more", () => {
    expect(verify({ now: secondsAfter(300) })).toEqual(accepted);
    expect(verify({ now: secondsAfter(301) })).toEqual({ refused: "signature.stale" });
    expect(verify({ now: secondsAfter(-60) })).toEqual(accepted);
    expect(verify({ now: secondsAfter(-61) })).toEqual({ refused: "signature.future" });
  });

  it("covers every bit of the body", () => {
    const bits = fc.record({ byte: fc.nat(BODY.length - 1), bit: fc.nat(7) });
    fc.assert(
      fc.property(bits, ({ byte, bit }) => {
        const rawBody = Buffer.from(BODY);
        rawBody.writeUInt8(rawBody.readUInt8(byte) ^ (1 << bit), byte);
        const headers = new Headers(signDelivery({ id: "e", timestamp: SENT_AT, body: BODY, secrets: [SECRET] }));
        const result = verifySignature({ headers, rawBody, secrets: { default: [SECRET] }, now: SENT_AT });
        expect(result).toEqual({ refused: "signature.wrong" });
      }),
    );
  });

  it("covers the id and the time", () => {
    expect(verify({ id: "evt_02" })).toEqual({ refused: "signature.wrong" });
    expect(verify({ timestamp: "1767225601" })).toEqual({ refused: "signature.wrong" });
  });

  it("is over bytes, not over text", () => {
    const body = Uint8Array.of(0xff, 0xfe, 0x00, 0x7b);
    const headers = new Headers(signDelivery({ id: "e", timestamp: SENT_AT, body, secrets: [SECRET] }));
    expect(verifySignature({ headers, rawBody: body, secrets: { default: [SECRET] }, now: SENT_AT })).toEqual(accepted);
  });

  it.each(["evt.01", "a.1767225600"])("is refused for the id %s, which holds the separator", (id) => {
    expect(verify({ id })).toEqual({ refused: "signature.malformed" });
  });

  it.each(["1767225600.0", "-1767225600", "1e9", "0x10", "now", "17672256000000000000", "1767225600, 1767225600"])(
    "is refused for the time %s, which is no plain integer",
    (timestamp) => {
      expect(verify({ timestamp })).toEqual({ refused: "signature.malformed" });
    },
  );

  it("is refused when one of the three headers is missing or empty", () => {
    for (const missing of ["id", "timestamp", "signature"] as const) {
      expect(verify({ [missing]: "" })).toEqual({ refused: "signature.missing" });
    }
    const none = { headers: new Headers(), rawBody: Buffer.from(BODY), secrets: { default: [SECRET] }, now: SENT_AT };
    expect(verifySignature(none)).toEqual({ refused: "signature.missing" });
  });

  it("names every hub that could have signed, and only those", () => {
    const headers = new Headers(signDelivery({ id: "e", timestamp: SENT_AT, body: BODY, secrets: [SECRET] }));
    const secrets = { first: [OTHER, SECRET], second: [OTHER], third: [SECRET] };
    const result = verifySignature({ headers, rawBody: Buffer.from(BODY), secrets, now: SENT_AT });
    expect(result).toEqual({ hubs: ["first", "third"] });
  });

  it("passes with the second of two secrets while one is being rotated", () => {
    expect(verify({ secrets: [OTHER, SECRET] })).toEqual(accepted);
  });
});

describe("the header of signatures", () => {
  const old = `v1,${"A".repeat(43)}=`;
  const wrong = (count: number) => Array.from({ length: count }, () => old);

  it.each([
    ["two entries", `${old} ${SIGNATURE}`],
    ["the good one first", `${SIGNATURE} ${old}`],
    ["folded by a comma", `${old},${SIGNATURE}`],
    ["folded by a comma and a blank", `${old}, ${SIGNATURE}`],
    ["another version before", `v1a,${"B".repeat(86)}== ${SIGNATURE}`],
    ["another version folded before", `v1a,${"B".repeat(86)}==,${SIGNATURE}`],
    ["an empty entry before", `v1, ${SIGNATURE}`],
    ["an empty entry folded before", `v1,${SIGNATURE}`],
    ["junk before", `, ;; v2 v1,short v1,${"C".repeat(44)} ${SIGNATURE}`],
    ["blanks around", `  ${SIGNATURE}  `],
    ["31 wrong entries before", [...wrong(31), SIGNATURE].join(" ")],
    ["31 wrong entries folded before", [...wrong(31), SIGNATURE].join(",")],
  ])("passes with %s", (_case, signature) => {
    expect(verify({ signature })).toEqual(accepted);
  });

  it.each([
    ["an old entry alone", old],
    ["v1a alone", SIGNATURE.replace("v1", "v1a")],
    ["no version", SIGNATURE.slice(3)],
    ["a shorter signature", SIGNATURE.slice(0, -5)],
    ["a longer signature", SIGNATURE.replace("=", "AAAA=")],
    ["nothing behind the version", "v1,"],
    ["32 wrong entries before", [...wrong(32), SIGNATURE].join(" ")],
    ["500 wrong entries before", [...wrong(500), SIGNATURE].join(",")],
  ])("is refused with %s", (_case, signature) => {
    expect(verify({ signature })).toEqual({ refused: "signature.wrong" });
  });
});
