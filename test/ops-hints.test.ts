import { execFileSync } from "node:child_process";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Content } from "../infra/ops/console/content.ts";
import { createJobs } from "../infra/ops/console/jobs.ts";
import { createForm } from "../infra/ops/console/pages/form.ts";
import { journeyView } from "../infra/ops/console/pages/journey-view.ts";
import type { Html } from "../infra/ops/console/pages/layout.ts";
import { letterPage } from "../infra/ops/console/pages/letter-page.ts";
import { planPage } from "../infra/ops/console/pages/plan-page.ts";
import { readLetter } from "../infra/ops/letters/letter.ts";
import { planReplay } from "../infra/ops/letters/plan-replay.ts";
import { hintOf } from "../infra/ops/output/hint.ts";
import { journeyEnd } from "../infra/ops/output/journey-views.ts";
import { letterFacts } from "../infra/ops/output/letter-views.ts";
import { showReplayPlan } from "../infra/ops/output/replay-views.ts";
import { createTerminal } from "../infra/ops/output/terminal.ts";
import type { Journey } from "../infra/ops/trace/follow-journey.ts";
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

/** What somebody reads of a page. */
const readIn = async (page: Html) =>
  String(await page)
    .replaceAll(/<[^>]*>/g, "")
    .replaceAll("&#39;", "'")
    .replaceAll("&quot;", '"')
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");

describe("the console says what the command says", () => {
  const why = { stage: "team", code: "team.taken", reason: "it is somebody else's" };
  const states: Journey["state"][] = [
    { is: "done", seconds: 39.49, giteaRequests: 13, giteaWrites: 7 },
    { is: "dead-letter", failureId: "f1", ...why },
    { is: "waiting", retryInSeconds: 15, ...why },
    { is: "waiting", retryInSeconds: undefined, ...why },
    { is: "left-to-sync", ...why },
    { is: "under-way", next: "team" },
    { is: "under-way", next: undefined },
  ];

  it.each(states)("of a journey: %o", async (state) => {
    const journey = { delivery: "d", person: "ada", hub: "h", lines: [], state };
    const [said = ""] = journeyEnd(journey, {});
    const sentence = said.slice(0, 1).toUpperCase() + said.slice(1);
    expect(await readIn(journeyView(journey))).toContain(sentence);
  });

  it("of a plan: how much it is", async () => {
    const letters = ["ada", "Ada", "bob"].map((user, index) =>
      readLetter(JSON.stringify(letterOf(user)), { messageId: `m${index}`, sentAt: new Date() }),
    );
    const plan = planReplay(letters, letters);
    const stdout = new PassThrough().setEncoding("utf8");
    const terminal = createTerminal({ stdin: new PassThrough(), stdout, stderr: new PassThrough() }, true);
    showReplayPlan(terminal, plan, { warnings: [], name: "a test", now: new Date() });
    const words = `Plan ${plan.hash}: replay 3 deliveries of 2 people, 3 letters`;
    expect(stdout.read()).toContain(`${words}, on a test`);
    const jobs = createJobs<Content>(() => 0);
    const found = { verb: "replay" as const, plan, warnings: [], missing: 0 };
    const content = { is: "planning" as const, verb: "replay" as const, choice: { filter: {} }, found };
    const job = jobs.begin(content, async () => undefined);
    await job.ended;
    expect(await readIn(planPage(job, createForm("t")))).toContain(`${words}.`);
  });

  it("of a letter too large to keep: the command that shows it, by the id that the command knows", async () => {
    const id = "odd id; x";
    const letter = readLetter(JSON.stringify(letterOf("ada", { failureId: id })), {
      messageId: "m",
      sentAt: new Date(),
    });
    const target = { name: "a test", asked: "prod", environment: {}, logs: { file: "/dev/null" } };
    const page = await readIn(letterPage({ target, letter, body: undefined, journey: {}, form: createForm("t") }));
    expect(page).toContain(`hubforge dead-letters show '${id}' --deployment prod`);
  });
});
