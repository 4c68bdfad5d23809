import { ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { DEAD_LETTERS } from "#shared/pipeline.ts";
import { type ConsoleChild, expectWellMade, launchChromium, openPage, startConsole } from "./support/console.ts";
import { letterOf, sendLetters } from "./support/letters.ts";
import { runOps } from "./support/ops.ts";
import { CLOSED_PORT } from "./support/ports.ts";
import { startQueues, type TestQueues } from "./support/queues.ts";

/** The console in a real Chromium, with everything against it. */
vi.setConfig({ testTimeout: 120_000 });

/** What a page would run, what a terminal would obey, what turns writing round. */
const HOSTILE = `"'><script>document.title="owned"</script><img src=x onerror="alert(1)">\u001b[2J\u202e\u0000&lt;`;
const LONG = "<b>x</b>".repeat(25_000);
const NAUGHTY = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

let queues: TestQueues;
let environment: Record<string, string>;
let child: ConsoleChild;
let browser: Browser;
let page: Page;
let complaints: string[];
beforeAll(async () => {
  browser = await launchChromium();
}, 600_000);
afterAll(() => browser?.close());
beforeEach(async () => {
  queues = await startQueues();
  environment = {
    ...queues.environment,
    AWS_ENDPOINT_URL: queues.endpoint,
    HUBFORGE_LOG: "/dev/null",
    ...{ GITEA_URL: `http://127.0.0.1:${CLOSED_PORT}`, GITEA_TOKEN: "token" },
  };
  child = await startConsole(environment);
  ({ page, complaints } = await openPage(browser));
  await page.goto(child.url);
  await page.getByRole("heading", { name: "Queues" }).waitFor();
  complaints.length = 0; // Chromium names the first, refused request
});
afterEach(async () => {
  await page.close();
  child.process.kill("SIGKILL");
  await queues.stop();
});

const at = (path: string) => new URL(path, child.url).href;
const letters = async () => {
  const { lines } = await runOps(["dead-letters", "list"], { environment });
  return lines.map((line) => JSON.parse(line).person);
};

async function expectInert(state: string) {
  expect(complaints, state).toEqual([]);
  const seen = await page.evaluate(
    "({ title: document.title, text: document.body.textContent, scripts: document.scripts.length, strange: document.querySelectorAll('main :is(script, img, b, style, iframe)').length })",
  );
  const { title, text, scripts, strange } = seen as { title: string; text: string; scripts: number; strange: number };
  expect(
    [title.endsWith("· hubforge"), scripts, strange, NAUGHTY.test(text.replaceAll(/[\n\t]/g, " "))],
    state,
  ).toEqual([true, 1, 0, false]);
  expect(text.length, state).toBeLessThan(60_000);
  await expectWellMade(page, state);
}

it("shows hostile letters inert, and can still discard them", async () => {
  const request = { method: HOSTILE, path: `/${HOSTILE}`, status: 400 };
  const hostile = { failureId: HOSTILE, reason: HOSTILE, code: HOSTILE, stage: HOSTILE, request };
  await sendLetters(queues, [
    letterOf(HOSTILE, hostile),
    letterOf("ada", { reason: LONG, sent: { leave: [LONG] } }),
    JSON.stringify({ failureId: HOSTILE, version: HOSTILE, reason: HOSTILE, code: HOSTILE, stage: HOSTILE }),
    HOSTILE.replaceAll(/\p{Cc}/gu, ""), // SQS takes no others
  ]);
  await page.goto(at("/letters"));
  await page.getByText("4 of 4 letters").waitFor();
  await expectInert("by reason");
  await page.goto(at("/letters?group=time"));
  await expectInert("by time");
  await page.goto(at(`/letters?group=time&q=${encodeURIComponent("<script>")}&user=${encodeURIComponent(HOSTILE)}`));
  await page.getByText("1 of 4 letters").waitFor();
  await expectInert("filtered by it");
  for (const index of [0, 1, 2, 3]) {
    await page.goto(at("/letters?group=time"));
    await page.locator("a.who").nth(index).click();
    await page.getByRole("heading", { name: "Message", exact: true }).waitFor();
    await expectInert(`letter ${index}`);
  }
  await page.goto(at(`/journey?of=${encodeURIComponent(HOSTILE)}`));
  await expectInert("journey");
  await page.goto(at("/letters?group=time"));
  await page.getByRole("checkbox", { name: "All 4 that match" }).check();
  await page.getByRole("button", { name: "Plan a replay" }).click();
  await page.getByText(/2 letters hold no envelope/).waitFor({ timeout: 60_000 });
  await expectInert("plan of a replay");
  await page.goto(at(`/letters?group=time&user=${encodeURIComponent(HOSTILE)}`));
  await page.locator("input[name=key]").check();
  await page.getByRole("button", { name: "Plan a discard" }).click();
  await page.getByLabel("Type 1 to discard 1").fill("1");
  await expectInert("plan of a discard");
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "Results" }).getByText("1 discarded").waitFor({ timeout: 60_000 });
  await expectInert("discarded");
  expect((await letters()).filter((person) => person === HOSTILE.replace("\u0000", "\ufffd"))).toEqual([]);
});

it("says plainly that Gitea does not answer, and what a queue's trouble is once it has any", async () => {
  await page
    .getByText(`Gitea: GET /user: no answer from Gitea (connect ECONNREFUSED 127.0.0.1:${CLOSED_PORT})`)
    .waitFor();
  await expectWellMade(page, "no Gitea");
  await queues.stop();
  await page.getByText(/Queues: queue hubforge-test-identity\.fifo does not answer \(ECONN/).waitFor();
  await page.getByRole("cell", { name: "cannot be read" }).first().waitFor();
  await expectWellMade(page, "no queues");
  await page.goto(at("/letters"));
  await page
    .getByRole("alert")
    .getByText(/queue hubforge-test-dead-letters does not answer/)
    .waitFor();
  await expectWellMade(page, "no letters to be read");
});

it("shows that it reads, that another reader holds letters, and replays then only anyway", async () => {
  await sendLetters(queues, [letterOf("ada"), letterOf("bob")]);
  const { url } = queues.queue(DEAD_LETTERS);
  const question = { QueueUrl: url, MaxNumberOfMessages: 1, VisibilityTimeout: 600 };
  await queues.client.send(new ReceiveMessageCommand(question));
  await page.getByRole("link", { name: "Dead letters", exact: true }).click();
  await page.getByRole("progressbar", { name: "reading letters" }).waitFor();
  await page.getByText("1 of 1 letter").waitFor();
  await page.getByText("1 letter is counted on the queue and could not be seen").waitFor();
  await page.getByRole("checkbox", { name: "All 1 that match" }).check();
  await page.getByRole("button", { name: "Plan a replay" }).click();
  await page.getByLabel("Type 1 to replay 1").fill("1", { timeout: 60_000 });
  await expectWellMade(page, "plan beside another reader");
  const plan = page.url();
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("Nothing was done: plan again").waitFor({ timeout: 60_000 });
  expect(queues.messagesIn("identity")).toEqual([]);
  await page.goto(plan);
  await page.getByRole("checkbox", { name: "Also while another reader holds letters" }).check();
  await page.getByLabel("Type 1 to replay 1").fill("1");
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "Results" }).getByText("1 replayed").waitFor({ timeout: 60_000 });
  expect(queues.messagesIn("identity")).toHaveLength(1);
});

it("carries out no plan whose letters are others by now", async () => {
  await sendLetters(queues, [letterOf("ada"), letterOf("bob")]);
  await page.goto(at("/letters"));
  await page.getByRole("checkbox", { name: "All 2 that match" }).check();
  await page.getByRole("button", { name: "Plan a discard" }).click();
  await page.getByLabel("Type 2 to discard 2").fill("2", { timeout: 60_000 });
  await sendLetters(queues, [letterOf("cyd")]);
  await page.keyboard.press("Enter");
  await page
    .getByRole("alert")
    .getByText(/not those of plan [0-9a-f]{12} any more/)
    .waitFor({ timeout: 60_000 });
  expect((await letters()).toSorted()).toEqual(["ada", "bob", "cyd"]);
});

async function replaySlowly(people: string[]) {
  await sendLetters(
    queues,
    people.map((person) => letterOf(person)),
  );
  await page.goto(at("/letters"));
  await page.getByRole("checkbox", { name: `All ${people.length} that match` }).check();
  await page.getByRole("button", { name: "Plan a replay" }).click();
  await page.getByLabel("Deliveries a second").fill("30/m", { timeout: 60_000 });
  await page.getByLabel(/^Type/).fill(String(people.length));
  await page.keyboard.press("Enter");
  await page.getByText(/Replaying: [1-3] of/).waitFor({ timeout: 60_000 });
}
const PEOPLE = ["ada", "bob", "cyd", "dan", "eve", "fay"];
const sentPeople = () => queues.messagesIn("identity").map(({ body }) => JSON.parse(body).delivery.user);

it("stops a replay when asked: what was not begun is still a letter", async () => {
  await replaySlowly(PEOPLE);
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByText("What was not done is still a letter").waitFor({ timeout: 60_000 });
  await expectWellMade(page, "stopped");
  const sent = sentPeople();
  expect(sent.length).toBeLessThan(PEOPLE.length);
  expect([...sent, ...(await letters())].toSorted()).toEqual(PEOPLE);
});

it("ends in good order in the midst of a replay: nothing lost, nothing twice, nothing held", async () => {
  await replaySlowly(PEOPLE);
  child.process.kill("SIGINT");
  expect(await child.ended).toBe(130);
  expect(child.stderr()).toContain("cut short; everything that was held is given back");
  const sent = sentPeople();
  const { lines, stderr } = await runOps(["dead-letters", "list"], { environment });
  expect(stderr).not.toContain("could not be seen");
  const left = lines.map((line) => JSON.parse(line).person);
  expect([...sent, ...left].toSorted()).toEqual(PEOPLE);
});

it("beside a second console in the same browser keeps its own cookie", async () => {
  const second = await startConsole(environment);
  await page.goto(second.url);
  await page.getByRole("heading", { name: "Queues" }).waitFor();
  await page.goto(at("/"));
  await page.getByRole("heading", { name: "Queues" }).waitFor();
  second.process.kill("SIGTERM");
  expect(await second.ended).toBe(0);
});
