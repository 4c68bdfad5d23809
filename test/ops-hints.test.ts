import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { readLetter } from "../infra/ops/letters/letter.ts";
import { hintOf } from "../infra/ops/output/hint.ts";
import { journeyEnd } from "../infra/ops/output/journey-views.ts";
import { letterFacts } from "../infra/ops/output/letter-views.ts";
import { spawnOf } from "./support/envelopes.ts";
import { letterOf } from "./support/letters.ts";

/** What a shell makes of a line: its words after `hubforge`. */
function wordsOf(line: string): string[] {
  const script = `hubforge() { for word in "$@"; do printf '%s\\0' "$word"; done; }\n${line}`;
  return execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
}

/** The command lines in a text. */
const hintIn = (text: string) => /hubforge .*?(?=;? (?:keeps|takes) |, and the log|$)/.exec(text)?.[0] ?? "";

const EVIL = ["x; touch /tmp/evil", "$(id)", "`id`", "a'b\"c", "a b", "--all", "-x", "* ~ &", "!!", ""];

describe("a command line to copy", () => {
  it.each(EVIL)("keeps %j one word, and no option", (word) => {
    expect(wordsOf(hintOf({}, "trace", { words: [word] })).filter((one) => one !== "--")).toEqual(["trace", word]);
    expect(wordsOf(hintOf({}, "trace", { options: { user: word } }))).toEqual(["trace", "--user", word]);
    if (word.startsWith("-")) expect(hintOf({}, "trace", { words: [word] })).toContain(" -- ");
  });

  it("shows by number what a terminal would obey, and leaves no quote open however long a word is", () => {
    expect(hintOf({}, "trace", { words: ["a\u001b[31m"] })).toBe("hubforge trace 'a\\u{1b}[31m'");
    expect(wordsOf(hintOf({}, "trace", { words: [`' ${"x".repeat(200_000)}`] }))).toHaveLength(2);
  });

  it("is about the deployment that was asked", () => {
    const asked = { asked: "prod" };
    expect(hintOf(asked, "sync", { options: { confirm: "abc" } })).toBe(
      "hubforge sync --deployment prod --confirm abc",
    );
    const letter = readLetter(JSON.stringify(letterOf("ada")), { messageId: "m1", sentAt: new Date() });
    const facts = new Map(letterFacts({ ...letter, class: "crash" }, asked));
    expect(facts.get("next")).toContain(`hubforge dead-letters replay --deployment prod --id ${letter.id}`);
    expect(facts.get("look for")).toContain("hubforge trace ");
    expect(facts.get("look for")).toContain(" --deployment prod, ");
  });
});

describe("what a letter or a journey tells to do next", () => {
  const lettered = (id: string, envelope = true) => {
    const failure = { ...letterOf("ada", { failureId: id }), ...(envelope ? {} : { envelope: null }) };
    return readLetter(JSON.stringify(failure), { messageId: "m1", sentAt: new Date() });
  };

  it.each(EVIL)("is one command, whatever a stranger calls a letter: %j", (id) => {
    for (const hasEnvelope of [true, false]) {
      const letter = lettered(id, hasEnvelope);
      const next = new Map(letterFacts(letter, {})).get("next") ?? "";
      const verb = letter.envelope ? "replay" : "export";
      expect(wordsOf(hintIn(next))).toEqual(["dead-letters", verb, "--id", letter.id]);
      expect(letter.id).toBe(id || letter.id);
      expect(letter.id).not.toBe("");
    }
  });

  it.each(EVIL)("is one command, whatever a delivery or a person is called: %j", (name) => {
    const sent = spawnOf("ada");
    const letter = { ...lettered("f1"), class: "crash" as const };
    const envelope = { ...sent, delivery: { ...sent.delivery, id: name } };
    const advice = new Map(letterFacts({ ...letter, envelope }, {})).get("look for") ?? "";
    expect(wordsOf(hintIn(advice)).filter((word) => word !== "--")).toEqual(["trace", name]);
    const why = { stage: "team", code: "team.taken", reason: "why" };
    const journey = { delivery: "d", person: name, hub: "h", lines: [] };
    for (const failureId of [name, undefined]) {
      const [, next = ""] = journeyEnd({ ...journey, state: { is: "dead-letter", failureId, ...why } }, {});
      expect(wordsOf(hintIn(next)).at(-1)).toBe(name);
    }
  });
});
