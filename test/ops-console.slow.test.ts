import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import * as z from "zod";
import { postEvent } from "../infra/local/post-event.ts";
import { runningStacks } from "../infra/ops/local-stack.ts";
import { type ConsoleChild, expectWellMade, launchChromium, openPage, startConsole } from "./support/console.ts";
import { patiently } from "./support/eventually.ts";
import { startOps } from "./support/ops-child.ts";

/** The whole story in a real Chromium beside a real stack: a letter is seen, understood, its cause mended, replayed, done. */
vi.setConfig({ testTimeout: 120_000 });
const Up = z.object({ url: z.string(), hub: z.string(), secret: z.string() });
/** Renewed by hand (infra/ops/README.md): the pictures of this very story. */
const PICTURES = process.env["HUBFORGE_SCREENSHOTS"];
const FOLDER = fileURLToPath(new URL("../infra/ops/console/screenshots/", import.meta.url));

let stack: ChildProcess;
let up: z.infer<typeof Up>;
let console_: ConsoleChild;
let browser: Browser;
let page: Page;
let complaints: string[];
beforeAll(async () => {
  const file = fileURLToPath(new URL("./support/ops-stack.ts", import.meta.url));
  stack = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
  if (!stack.stdout) throw new Error("a child with pipes has a stdout");
  const [line] = await once(createInterface({ input: stack.stdout }), "line");
  up = Up.parse(JSON.parse(line));
  console_ = await startConsole(ALONE, words());
  browser = await launchChromium();
  ({ page, complaints } = await openPage(browser));
}, 600_000);
afterAll(async () => {
  await browser?.close();
  console_?.process.kill("SIGKILL");
  const ended = once(stack, "close");
  stack.kill();
  await ended;
});

/** As in another terminal: nothing is set there. */
const ALONE = { AWS_REGION: undefined, AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
const words = () => ["--deployment", `local-${stack.pid}`];
async function hubforge(line: string) {
  const child = startOps([...words(), ...line.split(" ")], ALONE);
  expect(await child.ended, child.stderr()).toBe(0);
}
/** The top of the page, as a person would see it. */
async function picture(name: string, { colorScheme = "light" as "light" | "dark", width = 1000, height = 640 } = {}) {
  if (PICTURES === undefined) return;
  await mkdir(FOLDER, { recursive: true });
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize({ width, height });
  await page.evaluate("scrollTo(0, 0)");
  await page.screenshot({ path: `${FOLDER}${name}.png` });
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1100, height: 700 });
}
/** Asked of Gitea itself. */
async function isInGitea(user: string): Promise<boolean> {
  const { GITEA_URL, GITEA_TOKEN } = runningStacks().find(({ pid }) => pid === stack.pid)?.environment ?? {};
  const headers = { authorization: `token ${GITEA_TOKEN}` };
  const answer = await fetch(`${GITEA_URL}/api/v1/repos/ilum-jupyterhub/jupyterhub-${user}`, { headers });
  return answer.status === 200;
}
const heading = (name: string | RegExp) => page.getByRole("heading", { level: 1, name });
const spawnOf = (user: string) => postEvent(up.url, up.secret, { type: "server.spawning", hub: up.hub, user });

it("shows nothing to somebody without the key", async () => {
  await page.goto(new URL("/", console_.url).href);
  await page.getByText("Open the whole address").waitFor();
  await expectWellMade(page, "sign in");
  await page.goto("about:blank");
  await page.goto(`${new URL("/", console_.url).href}#wrong`);
  await page.getByText("This key does not open the console").waitFor();
});

it("opens by the key, and takes it out of the address", async () => {
  await page.goto("about:blank");
  await page.goto(console_.url);
  await heading("Queues").waitFor();
  await patiently(() => page.url()).toBe(new URL("/", console_.url).href);
  complaints.length = 0; // Chromium names each refusal
  expect(await page.evaluate("document.cookie")).toBe("");
});

it("draws the queues over time, and says them in words", async () => {
  await hubforge("lab fail refuse --method POST --path /repos");
  for (const user of ["bob", "carol", "stranger"]) await spawnOf(user);
  const row = page.getByRole("row", { name: /dead-letters/ });
  await patiently(() => row.getByRole("cell").first().textContent()).toMatch(/^\s*3\s*$/);
  const drawing = row.getByRole("img", { name: /in \d+ s: 0 to 3 waiting, now 3; .* in flight, now 0/ });
  await drawing.waitFor({ timeout: 30_000 });
  expect(await drawing.locator("path.waiting").getAttribute("d")).toMatch(/^M0,\d+(\.\d+)? L/);
  await expectWellMade(page, "queues");
});

it("lists the letters by reason, filtered and searched", async () => {
  await page.getByRole("link", { name: "Dead letters", exact: true }).click();
  await page.getByText("3 of 3 letters").waitFor();
  await page.getByRole("heading", { level: 2, name: /gitea\.refused repository · permanent/ }).waitFor();
  await expectWellMade(page, "letters");
  await page.getByRole("searchbox", { name: "Search" }).fill("carol");
  await page.keyboard.press("Enter");
  await page.getByText("1 of 3 letters").waitFor();
  await page.getByText("Filter", { exact: true }).first().click();
  await page.getByRole("searchbox", { name: "Search" }).fill("");
  await page.getByLabel("Stage").selectOption("account");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByText("None of 3 letters matches.").waitFor();
  await expectWellMade(page, "letters, none");
  await page.getByLabel("Failed since").fill("soon");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByRole("alert").getByText('"soon" is no time').waitFor();
  await expectWellMade(page, "letters, a wrong filter");
  expect(complaints.splice(0)).toEqual([expect.stringContaining("400 (Bad Request)")]);
  await page.getByRole("link", { name: "Show all" }).click();
  await page.getByText("3 of 3 letters").waitFor();
  await picture("letters");
  await picture("letters-narrow", { width: 360, height: 740, colorScheme: "dark" });
});

it("shows one letter: its journey stage by stage, request and answer, and the message", async () => {
  await page.getByRole("link", { name: "bob" }).click();
  await heading(/bob gitea\.refused/).waitFor();
  const journey = page.getByRole("list", { name: "The way of this delivery" }).getByRole("listitem");
  const stages = (await journey.allTextContents()).map((text) =>
    text
      .trim()
      .split(/\s{2,}/)
      .slice(0, 2)
      .join(" "),
  );
  expect(stages).toEqual([
    ...[
      "identity unchanged",
      "account created",
      "team created",
      "repository dead letter",
      "templates not reached",
      "done",
    ],
  ]);
  await page.getByText("POST /orgs/ilum-jupyterhub/repos", { exact: true }).waitFor();
  const message = page.getByRole("region", { name: "The message as it lies on the queue" });
  expect(JSON.parse((await message.textContent()) ?? "")).toMatchObject({ stage: "repository", code: "gitea.refused" });
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Save the whole message" }).click();
  expect((await download).suggestedFilename()).toMatch(/^letter-[0-9a-f]+\.txt$/);
  await expectWellMade(page, "letter");
  await picture("letter", { height: 760 });
});

it("plans a replay by keyboard alone, and warns of what would fail again", async () => {
  await page.getByRole("link", { name: "All dead letters" }).click();
  await page.getByText("3 of 3 letters").waitFor();
  const plan = page.getByRole("button", { name: "Plan a replay" });
  await patiently(() => plan.isDisabled()).toBe(true);
  await page.getByRole("checkbox", { name: "All 3 that match" }).focus();
  await page.keyboard.press("Space");
  await page.keyboard.press("Tab");
  expect(await plan.evaluate("document.activeElement.textContent")).toBe("Plan a replay");
  await page.keyboard.press("Enter");
  await page.getByText(/replay 3 deliveries of\s+3 people, 3 letters\./).waitFor({ timeout: 60_000 });
  const warnings = page.getByRole("list", { name: "Warnings" });
  await warnings.getByText(/would fail again now for stranger: identity: person\.unknown/).waitFor();
  await expectWellMade(page, "plan");
  await picture("plan", { colorScheme: "dark" });
});

it("replays after the count was typed, with live progress, once the cause is mended", async () => {
  expect(await isInGitea("bob")).toBe(false);
  await hubforge("lab heal");
  await page.getByRole("link", { name: "All dead letters" }).click();
  await page.getByRole("checkbox", { name: "Select all letters of gitea.refused at repository" }).check();
  await page.getByText("2 selected").waitFor();
  await page.getByRole("button", { name: "Plan a replay" }).click();
  const replay = page.getByRole("button", { name: "Replay" });
  await page.getByLabel("Why").fill("Gitea takes repositories again");
  const typed = page.getByLabel("Type 2 to replay 2");
  await typed.fill("1");
  await patiently(() => replay.isDisabled()).toBe(true);
  await typed.fill("2");
  await page.getByLabel("Deliveries a second").fill("10/m");
  await typed.press("Enter");
  await page.getByRole("progressbar", { name: "replaying" }).waitFor({ timeout: 60_000 });
  await picture("replaying", { height: 420 });
  await expectWellMade(page, "replaying");
  await page
    .getByRole("region", { name: "Results" })
    .getByText("2 replayed", { exact: true })
    .waitFor({ timeout: 60_000 });
  await expectWellMade(page, "replayed");
});

it("sees it done: the repository exists", async () => {
  await page.getByRole("link", { name: "Follow its journey" }).first().click();
  await page
    .getByText(/after [\d.]+ s of replay 1, [\d.]+ s after the delivery came in, with \d+ Gitea requests/)
    .waitFor({ timeout: 60_000 });
  await page.getByRole("list", { name: "The way of this delivery, replay 1" }).waitFor();
  await page.getByText("Every line of the log").click();
  await page
    .getByRole("cell", { name: /ilum-jupyterhub\/jupyterhub-bob/ })
    .first()
    .waitFor();
  expect(await isInGitea("bob")).toBe(true);
  await expectWellMade(page, "journey");
  await picture("journey");
  await page.getByRole("link", { name: "Dead letters", exact: true }).click();
  await page.getByText("1 of 1 letter").waitFor();
});

it("discards what will never be done, after the same confirmation", async () => {
  await page.getByRole("checkbox", { name: "Select the letter of stranger, person.unknown" }).check();
  await page.getByRole("button", { name: "Plan a discard" }).click();
  await page.getByText(/discard 1 letter\s+for good/).waitFor({ timeout: 60_000 });
  await expectWellMade(page, "plan of a discard");
  await page.getByLabel("Type 1 to discard 1 for good").fill("1");
  await page.getByRole("button", { name: "Discard" }).click();
  await page.getByRole("region", { name: "Results" }).getByText("1 discarded").waitFor({ timeout: 60_000 });
  await page.getByRole("link", { name: "All dead letters" }).click();
  await page.getByText("No dead letters: all is done.").waitFor();
  await expectWellMade(page, "no letters");
  await page.getByRole("link", { name: "Queues" }).click();
  await heading("Queues").waitFor();
  await picture("queues");
});

it("complained of nothing, and ends in good order", async () => {
  expect(complaints).toEqual([]);
  console_.process.kill("SIGINT");
  expect(await console_.ended).toBe(0);
  await page.getByText("The console does not answer: it was ended").waitFor({ timeout: 30_000 });
  await expectWellMade(page, "ended");
});
