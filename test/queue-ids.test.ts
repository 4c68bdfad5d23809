import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deduplicationId, groupId, personGroup } from "#shared/queue-ids.ts";

/** AWS's rule for MessageGroupId and MessageDeduplicationId; the emulators let anything pass (F5 of README.md). */
const AWS_RULE = /^[!-~]{1,128}$/;

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.string({ unit: "grapheme-ascii", maxLength: 140 }),
  fc.string({ unit: "grapheme-ascii", maxLength: 140 }).map(sha256),
);

describe("the group of a person", () => {
  it.each([
    ["ada", "ada"],
    ["Ada", "ada"],
    ["a_b", "a_b"],
    ["ada@uni.example", "ada@uni.example"],
    ["a b", sha256("a b")],
    ["müller", sha256("müller")],
    ["MU\u0308LLER", sha256("müller")],
    ["日本", sha256("日本")],
    ["x".repeat(128), "x".repeat(128)],
    ["x".repeat(129), sha256("x".repeat(129))],
  ])("of %j is %s", (user, expected) => {
    expect(personGroup(user)).toBe(expected);
  });

  it("cannot be chosen to be another person's", () => {
    expect(personGroup(sha256("müller"))).not.toBe(personGroup("müller"));
  });

  it("is always one that SQS takes, and one text is one group", () => {
    fc.assert(
      fc.property(anyText, anyText, (one, two) => {
        expect(groupId(one)).toMatch(AWS_RULE);
        expect(groupId(one) === groupId(two)).toBe(one === two);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the deduplication id of a delivery at a stage", () => {
  it("is readable where SQS takes it", () => {
    expect(deduplicationId({ hub: "default", id: "evt_01", stage: "identity", replay: 0 })).toBe(
      "default:evt_01:identity:0",
    );
  });

  it("is a SHA-256 beyond 128 characters and for characters that SQS refuses", () => {
    const long = { hub: "h".repeat(40), id: "i".repeat(100), stage: "templates", replay: 12 };
    expect(deduplicationId(long)).toBe(sha256(`${long.hub}:${long.id}:templates:12`));
    const odd = { hub: "sync", id: "cn=Müller, x:9f", stage: "identity", replay: 0 };
    expect(deduplicationId(odd)).toBe(sha256("sync:cn=Müller, x:9f:identity:0"));
  });

  it("is always one that SQS takes, and differs for different deliveries, stages, replays and hubs", () => {
    const parts = fc.record({
      hub: fc.stringMatching(/^[a-z0-9-]{1,3}$/),
      id: fc.oneof(fc.stringMatching(/^[A-Za-z0-9_:-]{1,4}$/), anyText),
      stage: fc.constantFrom("identity", "account", "team"),
      replay: fc.nat(12),
    });
    fc.assert(
      fc.property(parts, parts, (one, two) => {
        expect(deduplicationId(one)).toMatch(AWS_RULE);
        const isSame = JSON.stringify(one) === JSON.stringify(two);
        expect(deduplicationId(one) === deduplicationId(two)).toBe(isSame);
      }),
      { numRuns: 2_000 },
    );
  });
});
