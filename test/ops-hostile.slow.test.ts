import { describe, expect, it } from "vitest";
import { createBodies } from "../infra/ops/letters/bodies.ts";
import { filterLetters } from "../infra/ops/letters/filter-letters.ts";
import { readLetter } from "../infra/ops/letters/letter.ts";
import { openLetterQueue } from "../infra/ops/letters/letter-queue.ts";
import { readLetters } from "../infra/ops/letters/read-letters.ts";
import { fitted, inert, inertJson, widthOf } from "../infra/ops/output/inert.ts";
import { prettyJson } from "../infra/ops/output/letter-views.ts";
import { freshQueues } from "./support/fresh-queues.ts";
import { letterOf, sendLetters } from "./support/letters.ts";
import { runOps } from "./support/ops.ts";

/** What a terminal would obey: clear the screen, set the title, turn the writing round, hide, go back, ring. */
const HOSTILE = "\u001b[2J\u001b]0;owned\u0007\u009b31m\u202eevil\u2066\u200b\u0008\r\n\u2028tail\u0000\ufeff";
const NAUGHTY = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

const fresh = freshQueues();

const table = (words: string[]) => runOps(["dead-letters", ...words], { environment: fresh.environment, columns: 120 });

describe("hostile content", () => {
  it("in a letter is shown inert everywhere, and whole to programs", async () => {
    const letter = letterOf(HOSTILE, { reason: HOSTILE, code: HOSTILE, stage: HOSTILE });
    await sendLetters(fresh.queues, [letter, JSON.stringify({ failureId: HOSTILE, version: 9, reason: HOSTILE })]);
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
    const { stdout, lines } = await runOps(["dead-letters", "show"], { environment: fresh.environment });
    expect(NAUGHTY.test(stdout.replaceAll("\n", ""))).toBe(false);
    const bodies = lines.map((line) => JSON.parse(JSON.parse(line).body));
    expect(bodies.map(({ reason }) => reason)).toEqual([HOSTILE, HOSTILE]);
  });

  it("of 200 kB does not flood the terminal, and the letter can still be replayed", async () => {
    const long = "x".repeat(200_000);
    await sendLetters(fresh.queues, [letterOf("ada", { reason: long, sent: { leave: [long] } })]);
    for (const words of [["list"], ["show"], ["stats"], ["replay", "--no-ask"]]) {
      expect((await table(words)).stdout.length, words.join(" ")).toBeLessThan(40_000);
    }
    const { code } = await runOps(["dead-letters", "replay", "--no-ask", "--execute", "--yes"], {
      environment: fresh.environment,
    });
    expect(code).toBe(0);
    expect(fresh.queues.messagesIn("identity")[0]?.body).toContain(long);
  });

  it("in a person's name is found by the real name", async () => {
    const names = ["müller", "philip j. fry", "日本", "a\u202eb", "Ada", "--yes", "o'neil"];
    await sendLetters(
      fresh.queues,
      names.map((name) => letterOf(name)),
    );
    const { lines } = await runOps(["dead-letters", "list", "--user=--YES"], { environment: fresh.environment });
    expect(lines.map((line) => JSON.parse(line).person)).toEqual(["--yes"]);
    const { letters, hold } = await readLetters(openLetterQueue(fresh.environment));
    await hold.giveBack();
    for (const name of names) {
      expect(filterLetters(letters, { user: name.toUpperCase() }).map(({ names: [first] }) => first)).toEqual([name]);
    }
  });
});

describe("a large letter", () => {
  const arrival = { messageId: "m1", sentAt: new Date("2026-11-24T09:00:00Z") };

  it("is kept small, whatever of it is large", () => {
    const long = "x".repeat(300_000);
    const decimals = `2026-11-24T09:00:02.${"1".repeat(300_000)}Z`;
    const request = { method: long, path: long };
    const words = { failureId: long, stage: long, code: long, reason: long, request };
    const failure = letterOf("ada", { ...words, failedAt: decimals, firstFailedAt: decimals });
    for (const version of [1, 7]) {
      const letter = readLetter(JSON.stringify({ ...failure, version }), arrival);
      expect(letter.kind).toBe(version === 1 ? "ours" : "other-version");
      expect(JSON.stringify(letter).length).toBeLessThan(12_000);
      expect(letter).toMatchObject({ failedAt: "2026-11-24T09:00:02.000Z", firstFailedAt: "2026-11-24T09:00:02.000Z" });
    }
  });

  it("does not grow by being indented, however deep it is nested", () => {
    const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    expect(prettyJson(deep(16))).toContain("\n    [");
    for (const levels of [17, 5_000, 200_000]) {
      expect(prettyJson(deep(levels))).toBe(`(as it was sent: it is nested more than 16 deep)\n${deep(levels)}`);
    }
  });

  it("of many is kept whole as long as there is room: the oldest first, because they are shown first", () => {
    const bodies = createBodies(1_000);
    const minutes = Array.from({ length: 50 }, (_, index) => (index * 7) % 50);
    const letters = minutes.map((minute) => {
      const failedAt = `2026-11-24T09:${String(minute).padStart(2, "0")}:00Z`;
      const letter = readLetter(JSON.stringify(letterOf("ada", { failedAt })), { ...arrival, messageId: `m${minute}` });
      bodies.add({ ...letter, bodyBytes: 100 }, `body ${minute}`);
      return { minute, letter };
    });
    const kept = letters.filter(({ letter }) => bodies.of(letter) !== undefined);
    expect(kept.map(({ minute }) => minute).toSorted((one, other) => one - other)).toEqual([...Array(10).keys()]);
    for (const { minute, letter } of kept) expect(bodies.of(letter)).toBe(`body ${minute}`);
  });

  it("is shown with its facts where there was no room for it, and both say so", async () => {
    const rawBody = "x".repeat(900_000);
    const letters = Array.from({ length: 76 }, (_, index) => letterOf("ada", { rawBody, failureId: `f${index + 10}` }));
    for (const letter of letters) await sendLetters(fresh.queues, [letter]);
    const { code, stdout, stderr } = await table(["show"]);
    expect(code).toBe(0);
    const without = stdout.match(/^ {2}its message was not kept/gm)?.length ?? 0;
    expect(without).toBeGreaterThan(0);
    expect(stderr).toContain(
      `${without} messages were more than memory is meant for: name fewer with a filter, or export`,
    );
    const { lines } = await runOps(["dead-letters", "show", "--limit", "2"], { environment: fresh.environment });
    expect(lines.map((line) => JSON.parse(line).body.length > 900_000)).toEqual([true, true]);
  });
});

describe("inert text", () => {
  it("shows what cannot be seen by its number", () => {
    expect(inert("a\u001b[31mb")).toBe("a\\u{1b}[31mb");
    expect(inert("a\u202eb")).toBe("a\\u{202e}b");
    expect(inert("two\n  lines")).toBe("two ⏎ lines");
    expect(inert("日本 ünï 👩‍💻")).toBe("日本 ünï 👩\\u{200d}💻");
  });

  it.each(["\u3164", "\u2800", "\ufe0f", "\u{e0100}", "\u034f", "\u115f", "\uffa0", "\u00ad"])(
    "shows U+%j, which nobody sees, by its number",
    (character) => {
      const number = character.codePointAt(0)?.toString(16);
      expect(inert(`ada${character}`)).toBe(`ada\\u{${number}}`);
      expect(inertJson(`ada${character}`)).not.toContain(character);
      expect(JSON.parse(inertJson(`ada${character}`))).toBe(`ada${character}`);
    },
  );

  it("lets no marks pile up into the lines around, and leaves every language's own", () => {
    expect(inert(`a${"\u0301".repeat(6)}b`)).toBe(`a${"\u0301".repeat(4)}\\u{301}\\u{301}b`);
    expect(JSON.parse(inertJson(`a${"\u0301".repeat(50)}`))).toBe(`a${"\u0301".repeat(50)}`);
    for (const word of ["Việt Nam", "Việt Nam".normalize("NFD"), "กี่", "हिन्दी", "שָׁלוֹם", "བསྒྲུབས"])
      expect(inert(word)).toBe(word);
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
