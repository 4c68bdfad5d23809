import { describe, expect, it } from "vitest";
import { Envelope } from "#shared/envelope.ts";
import { freshQueues } from "./support/fresh-queues.ts";
import { letterOf, sendLetters } from "./support/letters.ts";
import { type OpsOptions, runOps } from "./support/ops.ts";

const fresh = freshQueues();

const replay = (words: string[], options: Partial<OpsOptions> = {}) =>
  runOps(["dead-letters", "replay", ...words], { environment: fresh.environment, ...options });
const letters = () => fresh.queues.messagesIn("dead-letters").length;
const sent = (queue: "identity" | "release" = "identity") =>
  fresh.queues.messagesIn(queue).map(({ body }) => Envelope.parse(JSON.parse(body)));

describe("a replay", () => {
  it("does nothing without --execute, and says what would do it", async () => {
    await sendLetters(fresh.queues, [letterOf("ada")]);
    const { code, stderr } = await replay(["--user", "ada"]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/hubforge dead-letters replay --user ada --execute --plan [0-9a-f]{12}/);
    expect(sent()).toEqual([]);
    expect(letters()).toBe(1);
  });

  it("enters at the first stage, in the person's group, with a number, a reason and its history", async () => {
    const learned = {
      directoryId: "id-of-ada",
      account: { giteaUserId: 1, username: "ada", isSiteAdmin: false, teams: [] },
      replay: { number: 1, reason: "the first attempt", failedAt: ["2026-11-23T08:00:00Z"] },
    };
    await sendLetters(fresh.queues, [letterOf("Ada", { stage: "team", sent: learned })]);
    const { code } = await replay(["--execute", "--yes", "--reason", "Gitea is back"]);
    expect(code).toBe(0);
    const [message] = fresh.queues.messagesIn("identity");
    const [envelope] = sent();
    expect(message).toMatchObject({ groupId: "ada", attributes: { stage: "identity" } });
    expect(message?.deduplicationId).toBe(`default:${envelope?.delivery.id}:identity:2`);
    expect(envelope?.replay).toEqual({
      number: 2,
      reason: "Gitea is back",
      failedAt: ["2026-11-23T08:00:00Z", "2026-11-24T09:00:02Z"],
    });
    expect(envelope?.directoryId).toBeUndefined();
    expect(envelope?.account).toBeUndefined();
    expect(letters()).toBe(0);
  });

  it("finds the sync's person by directory id, as the sync meant it", async () => {
    const sync: Partial<Envelope> = { route: "refresh", directoryId: "id-of-ada", leave: ["datasci"] };
    await sendLetters(fresh.queues, [letterOf("ada", { sent: sync })]);
    await replay(["--execute", "--yes"]);
    expect(sent()[0]).toMatchObject(sync);
  });

  it("sends a stop to release", async () => {
    await sendLetters(fresh.queues, [letterOf("ada", { stage: "release", sent: { route: "stop" } })]);
    await replay(["--execute", "--yes"]);
    expect(sent("release")).toHaveLength(1);
  });

  it("keeps each person's deliveries in the order in which they came in", async () => {
    const at = (minute: number) => ({ receivedAt: `2026-11-24T09:0${minute}:00Z`, occurredAt: "2026-11-24T09:00:00Z" });
    const delivery = (id: string, user: string, minute: number) =>
      letterOf(user, { sent: { delivery: { id, hub: "default", user, server: "", session: "s", ...at(minute) } } });
    await sendLetters(fresh.queues, [
      delivery("a3", "ada", 3),
      delivery("b2", "bob", 2),
      delivery("a1", "Ada", 1),
      delivery("b1", "bob", 1),
      delivery("a2", "ada", 2),
    ]);
    await replay(["--execute", "--yes", "--rate", "100"]);
    const order = (user: string) =>
      sent().flatMap(({ delivery }) => (delivery.user.toLowerCase() === user ? [delivery.id] : []));
    expect(order("ada")).toEqual(["a1", "a2", "a3"]);
    expect(order("bob")).toEqual(["b1", "b2"]);
  });

  it("handles copies, and other letters of the same delivery, once", async () => {
    const first = letterOf("ada");
    const later = { ...first, failureId: "later", stage: "team", failedAt: "2026-11-24T10:00:00Z" };
    await sendLetters(fresh.queues, [first, first, later, first]);
    const { code } = await replay(["--stage", "team", "--execute", "--yes"]);
    expect(code).toBe(0);
    expect(sent()).toHaveLength(1);
    expect(letters()).toBe(0);
  });

  it("leaves what is no envelope where it is, and says so", async () => {
    await sendLetters(fresh.queues, ["hello", letterOf("ada")]);
    const { code, lines } = await replay(["--execute", "--yes"]);
    expect(code).toBe(0);
    expect(lines.map((line) => JSON.parse(line)).filter(({ type }) => type === "warning")).toMatchObject([
      { code: "not-replayable" },
      { code: "not-asked" },
    ]);
    expect(letters()).toBe(1);
  });
});

describe("a replay that was cut", () => {
  it("tells the command that does the rest, and no more than that", async () => {
    const at = (minute: number) => ({ failedAt: `2026-11-24T09:${String(minute).padStart(2, "0")}:00Z` });
    const people = Array.from({ length: 12 }, (_, index) => letterOf(`user${index}`, at(index)));
    await sendLetters(fresh.queues, people);
    const now = new Date("2026-11-24T10:00:00Z");
    const asked = ["--no-ask", "--limit", "9", "--since", "1h", "--until", "1m"];
    const { lines } = await replay(asked, { now });
    const ending = new AbortController();
    let sends = 0;
    fresh.queues.setFault(({ action }) => {
      if (action === "SendMessage" && ++sends === 3) ending.abort();
      return undefined;
    });
    const pace = ["--rate", "20", "--concurrency", "1", "--execute", "--yes"];
    const plan = ["--plan", JSON.parse(lines.at(-1) ?? "").hash];
    const cut = await replay([...asked, ...pace, ...plan], { now, signal: ending.signal });
    expect([cut.code, sent().length]).toEqual([130, 3]);
    fresh.queues.setFault(undefined);
    const [, rest = ""] = /To do the rest:\n {2}hubforge dead-letters replay (.*)\n/.exec(cut.stderr) ?? [];
    // Two hours later another letter is there.
    await sendLetters(fresh.queues, [letterOf("late", at(59))]);
    const { code } = await replay(rest.split(" "), { now: new Date("2026-11-24T12:00:00Z") });
    expect(code).toBe(0);
    const users = (count: number) => Array.from({ length: count }, (_, index) => `user${index}`);
    expect(sent().map(({ delivery }) => delivery.user)).toEqual(users(9));
    expect(letters()).toBe(12 - 9 + 1);
  });
});

describe("the confirmation", () => {
  it("is the count, typed", async () => {
    await sendLetters(fresh.queues, [letterOf("ada"), letterOf("bob")]);
    expect(await replay(["--execute"], { typed: "3" })).toMatchObject({ code: 1 });
    expect(letters()).toBe(2);
    const { code, stderr } = await replay(["--execute"], { typed: "2" });
    expect(stderr).toContain("Type 2 to replay 2: ");
    expect(code).toBe(0);
    expect(letters()).toBe(0);
  });

  it("is refused where nobody is there to give it", async () => {
    await sendLetters(fresh.queues, [letterOf("ada")]);
    const { code, stderr } = await replay(["--execute"]);
    expect(code).toBe(2);
    expect(stderr).toContain("add --yes");
    expect(sent()).toEqual([]);
  });

  it("holds for exactly the letters of the plan that was seen", async () => {
    await sendLetters(fresh.queues, [letterOf("ada")]);
    const { lines } = await replay([]);
    const { hash } = JSON.parse(lines.at(-1) ?? "");
    await sendLetters(fresh.queues, [letterOf("bob")]);
    const late = await replay(["--execute", "--yes", "--plan", hash]);
    expect(late.code).toBe(1);
    expect(late.stderr).toContain("not plan");
    const dry = await replay(["--plan", hash]);
    expect(dry.code).toBe(1);
    expect(dry.stderr).toContain(`not plan ${hash} any more, or never was: it is plan `);
    expect(dry.stderr).toMatch(/hubforge dead-letters replay --execute --plan [0-9a-f]{12}/);
    expect(dry.stderr).not.toContain(`--plan ${hash}`);
    expect((await replay(["--user", "ada", "--plan", hash])).code).toBe(0);
    expect(sent()).toEqual([]);
    const exact = await replay(["--user", "ada", "--execute", "--yes", "--plan", hash]);
    expect(exact.code).toBe(0);
    expect(sent()).toHaveLength(1);
  });
});
