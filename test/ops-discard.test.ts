import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { discardLetters, planDiscard } from "../infra/ops/letters/discard-letters.ts";
import { openLetterQueue } from "../infra/ops/letters/letter-queue.ts";
import { readLetters } from "../infra/ops/letters/read-letters.ts";
import { eventually } from "./support/eventually.ts";
import { freshQueues } from "./support/fresh-queues.ts";
import { letterOf, sendLetters } from "./support/letters.ts";
import { runOps } from "./support/ops.ts";

const fresh = freshQueues();
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "hubforge-ops-"));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

const ops = (...words: string[]) => runOps(["dead-letters", ...words], { environment: fresh.environment });
const bodies = () => fresh.queues.messagesIn("dead-letters").map(({ body }) => body);

describe("discard", () => {
  it("shows what it would take, and takes it with all copies once it is told to", async () => {
    const ada = letterOf("ada");
    const bob = letterOf("bob");
    await sendLetters(fresh.queues, [ada, bob, ada]);
    const plan = await ops("discard", "--user", "ada");
    expect(plan.code).toBe(0);
    expect(bodies()).toHaveLength(3);
    const { hash, letters } = JSON.parse(plan.lines.at(-1) ?? "");
    expect(letters).toBe(1);
    expect(await ops("discard", "--user", "ada", "--execute", "--yes", "--plan", hash)).toMatchObject({ code: 0 });
    expect(bodies()).toEqual([JSON.stringify(bob)]);
  });

  it("takes two messages of one id for two letters where they are about two deliveries", async () => {
    const bob = letterOf("bob");
    await sendLetters(fresh.queues, [letterOf("ada", { failureId: bob.failureId }), bob]);
    expect((await ops("list")).lines).toHaveLength(2);
    expect(await ops("discard", "--user", "ada", "--execute", "--yes")).toMatchObject({ code: 0 });
    expect(bodies()).toEqual([JSON.stringify(bob)]);
  });

  it("leaves a letter that it holds no longer: somebody may be replaying it", async () => {
    await sendLetters(fresh.queues, [letterOf("ada")]);
    const reading = await readLetters(openLetterQueue(fresh.environment));
    await reading.hold.giveBack();
    const [result] = await discardLetters(planDiscard(reading.letters), { hold: reading.hold });
    expect(result).toMatchObject({ outcome: "failed", reason: "it is held no longer: somebody may have it" });
    await expect.poll(() => bodies().length).toBe(1);
  });

  it("that was cut short tells the command that does the rest, and no more than that", async () => {
    await sendLetters(
      fresh.queues,
      Array.from({ length: 25 }, (_, index) => letterOf(`user${index}`)),
    );
    let deletions = 0;
    fresh.queues.setFault(({ action }) => (action === "DeleteMessageBatch" && ++deletions > 1 ? "down" : undefined));
    const cut = await ops("discard", "--limit", "20", "--execute", "--yes");
    expect([cut.code, bodies().length]).toEqual([4, 15]);
    fresh.queues.setFault(undefined);
    const [, rest = ""] = /To do the rest:\n {2}hubforge dead-letters (.*)\n/.exec(cut.stderr) ?? [];
    await eventually(async () => (await ops("list")).lines.length).toBe(15); // held until it was given back
    expect((await ops(...rest.split(" "))).code).toBe(0);
    expect(bodies()).toHaveLength(5);
  });

  it("takes away what is not hubforge's when it is named", async () => {
    await sendLetters(fresh.queues, ["not JSON", letterOf("ada")]);
    const [line = ""] = (await ops("list", "--class", "unknown")).lines;
    const { code } = await ops("discard", "--id", JSON.parse(line).id, "--execute", "--yes");
    expect(code).toBe(0);
    expect(bodies()).not.toContain("not JSON");
    expect(bodies()).toHaveLength(1);
  });

  it("refuses to discard everything unless it is told --all", async () => {
    await sendLetters(fresh.queues, [letterOf("ada")]);
    expect(await ops("discard", "--execute", "--yes")).toMatchObject({ code: 2 });
    expect(await ops("discard", "--id", "", "--execute", "--yes")).toMatchObject({ code: 2 });
    expect(bodies()).toHaveLength(1);
    expect(await ops("discard", "--all", "--execute", "--yes")).toMatchObject({ code: 0 });
    expect(bodies()).toEqual([]);
  });
});

describe("export", () => {
  it("writes every message whole, whatever it is, and leaves it on the queue", async () => {
    const odd = "no JSON \u009b31m \u202e ünïcödé";
    const ada = letterOf("ada");
    await sendLetters(fresh.queues, [ada, odd, ada]);
    const { code, lines } = await ops("export");
    expect(code).toBe(0);
    expect(lines.map((line) => JSON.parse(line).body).toSorted()).toEqual(
      [JSON.stringify(ada), JSON.stringify(ada), odd].toSorted(),
    );
    expect(bodies()).toHaveLength(3);
  });

  it("goes into a new file, and never over an old one", async () => {
    await sendLetters(fresh.queues, [letterOf("ada"), letterOf("bob")]);
    const out = join(dir, "letters.jsonl");
    expect(await ops("export", "--user", "bob", "--out", out)).toMatchObject({ code: 0, stdout: "" });
    const kept = await readFile(out, "utf8");
    expect(JSON.parse(kept)).toMatchObject({ person: "bob" });
    const second = await ops("export", "--out", out);
    expect(second.code).toBe(2);
    expect(second.stderr).toContain("file already exists");
    expect(await readFile(out, "utf8")).toBe(kept);
  });
});

describe("stats", () => {
  it("counts letters and people by stage and reason, the most frequent first", async () => {
    const failing = { stage: "repository", code: "gitea.failing", class: "exhausted" } as const;
    await sendLetters(fresh.queues, [letterOf("ada"), letterOf("bob", failing), letterOf("Bob", failing)]);
    const { lines } = await ops("stats");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { ...failing, letters: 2, people: 1 },
      { stage: "account", code: "account.taken", letters: 1, people: 1 },
    ]);
  });
});

describe("queues", () => {
  it("shows what waits in each", async () => {
    await sendLetters(fresh.queues, [letterOf("ada"), letterOf("bob")]);
    await fresh.queues.send("account", "{}");
    const { code, lines } = await runOps(["queues"], { environment: fresh.environment });
    expect(code).toBe(0);
    const seen = lines.map((line) => JSON.parse(line));
    expect(seen.map(({ queue }) => queue)).toEqual([
      ...["identity", "account", "team", "repository", "templates", "release"],
      ...["departures", "dead-letters", "crashed"],
    ]);
    expect(seen.filter(({ counts }) => counts.waiting > 0).map(({ queue, counts }) => [queue, counts.waiting])).toEqual(
      [
        ["account", 1],
        ["dead-letters", 2],
      ],
    );
  });
});
