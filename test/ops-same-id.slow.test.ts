import { beforeEach, describe, expect, it } from "vitest";
import { Envelope, type Failure } from "#shared/envelope.ts";
import { chooseLetters, keyOf } from "../infra/ops/console/choose-letters.ts";
import { openDesk } from "../infra/ops/console/desk.ts";
import { planDiscard } from "../infra/ops/letters/discard-letters.ts";
import { openLetterQueue } from "../infra/ops/letters/letter-queue.ts";
import { planReplay } from "../infra/ops/letters/plan-replay.ts";
import { readLetters } from "../infra/ops/letters/read-letters.ts";
import { freshQueues } from "./support/fresh-queues.ts";
import { letterOf, sendLetters } from "./support/letters.ts";
import { runOps } from "./support/ops.ts";

const fresh = freshQueues();
const ops = (...words: string[]) => runOps(["dead-letters", ...words], { environment: fresh.environment });
const read = (lines: string[]) => lines.map((line) => JSON.parse(line));
const bodies = () => fresh.queues.messagesIn("dead-letters").map(({ body }) => body);

/** What two hands or a foreign writer can bring about: one id, and two deliveries that failed. */
let ada: Failure;
let bob: Failure;
beforeEach(async () => {
  ada = letterOf("ada");
  bob = letterOf("bob", { failureId: ada.failureId });
  await sendLetters(fresh.queues, [ada, bob, ada]);
});

async function idOf(person: string): Promise<string> {
  const found = read((await ops("list")).lines).find((letter) => letter.person === person);
  expect(found).toBeDefined();
  return found.id;
}

describe("two letters of one id", () => {
  it("are listed under two, the same at every reading, and are found by each and by the one", async () => {
    const first = read((await ops("list")).lines);
    expect(first.map(({ person, copies }) => [person, copies]).toSorted()).toEqual([
      ["ada", 2],
      ["bob", 1],
    ]);
    for (const { id } of first) expect(id).toMatch(new RegExp(`^${ada.failureId}-[0-9a-f]{12}$`));
    expect(read((await ops("list")).lines)).toEqual(first);
    for (const { id, person } of first) {
      expect(read((await ops("list", "--id", id)).lines).map((letter) => letter.person)).toEqual([person]);
    }
    expect((await ops("list", "--id", ada.failureId)).lines).toHaveLength(2);
  });

  it("are shown and exported with their own message", async () => {
    for (const letter of [ada, bob]) {
      const id = await idOf(letter.envelope?.delivery.user ?? "");
      const [shown] = read((await ops("show", id)).lines);
      expect(shown).toMatchObject({ id, body: JSON.stringify(letter) });
      const exported = read((await ops("export", "--id", id)).lines).map(({ body }) => body);
      expect(new Set(exported)).toEqual(new Set([JSON.stringify(letter)]));
    }
    const all = read((await ops("show")).lines);
    for (const { person, body } of all) expect(JSON.parse(body).envelope.delivery.user).toBe(person);
  });

  it("are replayed one at a time", async () => {
    const id = await idOf("bob");
    expect(await ops("replay", "--no-ask", "--id", id, "--execute", "--yes")).toMatchObject({ code: 0 });
    const sent = fresh.queues.messagesIn("identity").map(({ body }) => Envelope.parse(JSON.parse(body)));
    expect(sent.map(({ delivery }) => delivery.user)).toEqual(["bob"]);
    expect(bodies()).toEqual([JSON.stringify(ada), JSON.stringify(ada)]);
  });

  it("are discarded one at a time", async () => {
    const id = await idOf("ada");
    expect(await ops("discard", "--id", id, "--execute", "--yes")).toMatchObject({ code: 0 });
    expect(bodies()).toEqual([JSON.stringify(bob)]);
    expect(await idOf("bob")).toBe(ada.failureId); // alone again, it is called as it calls itself
  });

  it("make a plan of one void for the other, which alone is called the same", async () => {
    const plans = [];
    for (const person of ["ada", "bob"]) {
      const reading = await readLetters(openLetterQueue(fresh.environment));
      const left = reading.letters.filter(({ names: [name] }) => name === person);
      const [letter] = left;
      if (!letter) throw new Error(`no letter of ${person}`);
      const alone = [{ ...letter, id: ada.failureId }];
      plans.push([planDiscard(alone).hash, planReplay(alone, alone).hash]);
      await reading.hold.giveBack();
    }
    expect(plans[0]?.[0]).not.toBe(plans[1]?.[0]);
    expect(plans[0]?.[1]).not.toBe(plans[1]?.[1]);
  });

  it("stay two where a forged id is another's with its hash", async () => {
    const taken = await idOf("ada");
    await sendLetters(fresh.queues, [letterOf("eve", { failureId: taken })]);
    const seen = read((await ops("list")).lines);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(3);
    for (const { id, person } of seen) {
      const exact = read((await ops("list", "--id", id)).lines);
      expect(exact.map((letter) => letter.person)).toContain(person);
      const shown = read((await ops("show", id)).lines).find((letter) => letter.person === person);
      expect(shown?.body).toContain(person);
    }
  });
});

describe("in the console two letters of one id", () => {
  let desk: ReturnType<typeof openDesk>;
  beforeEach(async () => {
    const target = { name: "test", environment: fresh.environment, logs: { unknown: "test" } };
    desk = openDesk(target);
    await desk.look().ended;
  });

  it("have each a page with its own message, and only the one that was chosen is carried out", async () => {
    const letters = desk.snapshot()?.letters ?? [];
    for (const letter of letters) {
      const body = JSON.parse(desk.snapshot()?.bodyOf(letter) ?? "");
      expect(body.envelope.delivery.user).toBe(letter.names[0]);
    }
    const [theirs] = letters.filter(({ names: [name] }) => name === "bob");
    const keys = [theirs ? keyOf(theirs) : ""];
    const choice = { filter: {}, keys };
    expect(chooseLetters(letters, choice)).toEqual([theirs]);
    const { hash } = planDiscard(chooseLetters(letters, choice));
    const pace = { rate: 100, concurrency: 1 };
    await desk.execute({ is: "execution", verb: "discard", choice, hash, ...pace, isAnyway: false, results: [] }).ended;
    expect(bodies()).toEqual([JSON.stringify(ada), JSON.stringify(ada)]);
    expect(desk.snapshot()?.letters.map(({ names: [name] }) => name)).toEqual(["ada"]);
  });
});
