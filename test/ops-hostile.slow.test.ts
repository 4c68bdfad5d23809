import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filterLetters } from "../infra/ops/letters/filter-letters.ts";
import { openLetterQueue } from "../infra/ops/letters/letter-queue.ts";
import { readLetters } from "../infra/ops/letters/read-letters.ts";
import { fitted, inert, inertJson, widthOf } from "../infra/ops/output/inert.ts";
import { letterOf, sendLetters } from "./support/letters.ts";
import { runOps } from "./support/ops.ts";
import { startQueues, type TestQueues } from "./support/queues.ts";

/** What a terminal would obey: clear the screen, set the title, turn the writing round, hide, go back, ring. */
const HOSTILE = "\u001b[2J\u001b]0;owned\u0007\u009b31m\u202eevil\u2066\u200b\u0008\r\n\u2028tail\u0000\ufeff";
const NAUGHTY = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

let queues: TestQueues;
let environment: Record<string, string>;

beforeEach(async () => {
  queues = await startQueues();
  environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint };
});
afterEach(() => queues.stop());

const table = (words: string[]) => runOps(["dead-letters", ...words], { environment, columns: 120 });

describe("hostile content", () => {
  it("in a letter is shown inert everywhere, and whole to programs", async () => {
    const letter = letterOf(HOSTILE, { reason: HOSTILE, code: HOSTILE, stage: HOSTILE });
    await sendLetters(queues, [letter, JSON.stringify({ failureId: HOSTILE, version: 9, reason: HOSTILE })]);
    for (const words of [
      ["list"],
      ["show"],
      ["stats"],
      ["replay", "--no-ask"],
      ["discard"],
      ["list", "--user", HOSTILE],
    ]) {
      const { stdout, stderr } = await table(words);
      const lines = `${stdout}\n${stderr}`.split("\n");
      expect(
        lines.filter((line) => NAUGHTY.test(line)),
        words.join(" "),
      ).toEqual([]);
      expect(stdout.length).toBeLessThan(20_000);
    }
    const { stdout, lines } = await runOps(["dead-letters", "show"], { environment });
    expect(NAUGHTY.test(stdout.replaceAll("\n", ""))).toBe(false);
    const bodies = lines.map((line) => JSON.parse(JSON.parse(line).body));
    expect(bodies.map(({ reason }) => reason)).toEqual([HOSTILE, HOSTILE]);
  });

  it("of 200 kB does not flood the terminal, and the letter can still be replayed", async () => {
    const long = "x".repeat(200_000);
    await sendLetters(queues, [letterOf("ada", { reason: long, sent: { leave: [long] } })]);
    for (const words of [["list"], ["show"], ["stats"], ["replay", "--no-ask"]]) {
      expect((await table(words)).stdout.length, words.join(" ")).toBeLessThan(40_000);
    }
    const { code } = await runOps(["dead-letters", "replay", "--no-ask", "--execute", "--yes"], { environment });
    expect(code).toBe(0);
    expect(queues.messagesIn("identity")[0]?.body).toContain(long);
  });

  it("in a person's name is found by the real name", async () => {
    const names = ["müller", "philip j. fry", "日本", "a\u202eb", "Ada", "--yes", "o'neil"];
    await sendLetters(
      queues,
      names.map((name) => letterOf(name)),
    );
    const { lines } = await runOps(["dead-letters", "list", "--user=--YES"], { environment });
    expect(lines.map((line) => JSON.parse(line).person)).toEqual(["--yes"]);
    const { letters, hold } = await readLetters(openLetterQueue(environment));
    await hold.giveBack();
    for (const name of names) {
      expect(filterLetters(letters, { user: name.toUpperCase() }).map(({ names: [first] }) => first)).toEqual([name]);
    }
  });
});

describe("inert text", () => {
  it("shows what cannot be seen by its number", () => {
    expect(inert("a\u001b[31mb")).toBe("a\\u{1b}[31mb");
    expect(inert("a\u202eb")).toBe("a\\u{202e}b");
    expect(inert("two\n  lines")).toBe("two ⏎ lines");
    expect(inert("日本 ünï 👩‍💻")).toBe("日本 ünï 👩\\u{200d}💻");
  });

  it("as JSON is the very same value", () => {
    expect(JSON.parse(inertJson({ text: HOSTILE, tag: "\u{e0041}" }))).toEqual({ text: HOSTILE, tag: "\u{e0041}" });
    expect(NAUGHTY.test(inertJson({ text: HOSTILE, tag: "\u{e0041}" }))).toBe(false);
  });

  it("is cut by columns, not by characters", () => {
    expect(fitted("日本日本日本", 7)).toBe("日本日…");
    expect(widthOf(fitted("日本日本日本", 8))).toBeLessThanOrEqual(8);
    expect(fitted("short", 7)).toBe("short");
  });
});
