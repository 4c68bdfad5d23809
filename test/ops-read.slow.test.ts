import { describe, expect, it } from "vitest";
import { openLetterQueue } from "../infra/ops/letters/letter-queue.ts";
import { readLetters } from "../infra/ops/letters/read-letters.ts";
import { freshQueues } from "./support/fresh-queues.ts";
import { letterOf, sendLetters } from "./support/letters.ts";
import { runOps } from "./support/ops.ts";

const fresh = freshQueues();

/** What somebody else would see now. */
async function seenByOthers(): Promise<number> {
  const { messages, hold } = await readLetters(openLetterQueue(fresh.environment));
  await hold.giveBack();
  return messages;
}

describe("reading the dead letters", () => {
  it("shows every letter once, oldest first, and leaves all of them on the queue", async () => {
    const letters = Array.from({ length: 37 }, (_, index) =>
      letterOf(`user${index}`, { failedAt: `2026-11-24T09:${String(59 - index).padStart(2, "0")}:00Z` }),
    );
    await sendLetters(fresh.queues, letters);
    const { code, lines } = await runOps(["dead-letters", "list"], { environment: fresh.environment });
    expect(code).toBe(0);
    expect(lines.map((line) => JSON.parse(line).person)).toEqual(letters.map((_, index) => `user${36 - index}`));
    await expect.poll(seenByOthers, { timeout: 60_000 }).toBe(37);
  });

  it("counts copies of one failure as one letter", async () => {
    const letter = letterOf("ada");
    await sendLetters(fresh.queues, [letter, letter, letterOf("bob")]);
    const { lines } = await runOps(["dead-letters", "list"], { environment: fresh.environment });
    expect(lines.map((line) => JSON.parse(line)).map(({ person, copies }) => [person, copies])).toEqual([
      ["ada", 2],
      ["bob", 1],
    ]);
  });

  it("says that another reader may hold what it cannot see", async () => {
    await sendLetters(fresh.queues, [letterOf("ada"), letterOf("bob")]);
    const other = await readLetters(openLetterQueue(fresh.environment));
    const { code, stderr } = await runOps(["dead-letters", "list"], { environment: fresh.environment });
    expect(code).toBe(3);
    expect(stderr).toContain("2 letters are counted on the queue and could not be seen: another reader may hold them");
    await other.hold.giveBack();
  });

  it("gives everything back when it is interrupted", async () => {
    await sendLetters(
      fresh.queues,
      Array.from({ length: 60 }, (_, index) => letterOf(`user${index}`)),
    );
    const interruption = new AbortController();
    const reading = readLetters(openLetterQueue(fresh.environment), {
      signal: interruption.signal,
      onProgress: (seen) => seen >= 20 && interruption.abort(),
    });
    await expect(reading).rejects.toThrow("interrupted");
    await expect.poll(seenByOthers, { timeout: 60_000 }).toBe(60);
  });

  it("keeps letters hidden from others for as long as it works with them", async () => {
    await sendLetters(fresh.queues, [letterOf("ada"), letterOf("bob")]);
    const reading = await readLetters(openLetterQueue(fresh.environment), { holdSeconds: 1 });
    expect(await seenByOthers()).toBe(0); // having waited three times as long as they were hidden for
    await reading.hold.giveBack();
    expect(reading.hold.size).toBe(0);
  });

  it("lists what is not hubforge's, and what another version wrote, as such", async () => {
    await sendLetters(fresh.queues, [
      "not JSON",
      JSON.stringify({ ...letterOf("ada"), version: 7, reason: "from the future" }),
      JSON.stringify({ hello: "world" }),
      letterOf("bob", { envelope: null, rawBody: "???", code: "envelope.invalid" }),
    ]);
    const { lines } = await runOps(["dead-letters", "list"], { environment: fresh.environment });
    const seen = lines.map((line) => JSON.parse(line));
    expect(seen.map(({ kind }) => kind).toSorted()).toEqual(["foreign", "foreign", "other-version", "ours"]);
    expect(seen.every(({ isReplayable }) => isReplayable === false)).toBe(true);
    const future = seen.find(({ kind }) => kind === "other-version");
    expect(future).toMatchObject({ person: "ada", stage: "account", code: "account.taken" });
    expect(future.reason).toContain("another version of hubforge (version 7): from the future");
  });
});

describe("what a person sees", () => {
  it("fits the table into the terminal, with relative times", async () => {
    await sendLetters(fresh.queues, [letterOf("ada", { reason: "a long story ".repeat(30) })]);
    const now = new Date("2026-11-24T11:30:00Z");
    const { stdout } = await runOps(["dead-letters", "list"], { environment: fresh.environment, columns: 100, now });
    const [titles = "", row = ""] = stdout.split("\n");
    expect(titles).toMatch(/^ID +PERSON +STAGE +CLASS +CODE +FAILED +REPLAYS +REASON$/);
    expect(row).toMatch(/ada +account +permanent +account\.taken +2 h ago +a long story/);
    expect(row.length).toBeLessThanOrEqual(100);
  });

  it("shows one letter in full, with absolute times, the request and the raw message", async () => {
    const letter = letterOf("ada");
    await sendLetters(fresh.queues, [letter, letterOf("bob")]);
    const { stdout, code } = await runOps(["dead-letters", "show", letter.failureId], {
      environment: fresh.environment,
      columns: 100,
    });
    expect(code).toBe(0);
    expect(stdout).toContain("failed       2026-11-24 09:00:02 UTC");
    expect(stdout).toContain("request      GET /users/ada → 200");
    expect(stdout).toContain(`"failureId": "${letter.failureId}"`);
    expect(stdout).not.toContain("bob");
  });

  it("says of a crash where to look", async () => {
    const crash = { class: "crash", code: "stage.crashed", stage: "team", attempts: 30 } as const;
    const letter = letterOf("ada", crash);
    await sendLetters(fresh.queues, [letter]);
    const { stdout } = await runOps(["dead-letters", "show"], { environment: fresh.environment, columns: 100 });
    expect(stdout).toContain("class        crash (the function crashed or ran out of time; SQS gave up)");
    expect(stdout).toContain("attempts     30");
    expect(stdout).toContain(
      `look for     hubforge trace ${letter.envelope?.delivery.id}, and the log of function team`,
    );
  });
});
