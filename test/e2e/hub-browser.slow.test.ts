import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, symlink } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { findOrInstallHub } from "../../infra/local/hub/install-hub.ts";
import { findOrInstallChromium } from "../support/chromium.ts";
import { patiently } from "../support/eventually.ts";

/** `npm start -- --hub` as a person meets it: a terminal that prints an address, and a browser. */
vi.setConfig({ testTimeout: 120_000 });
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Renewed by hand: HUBFORGE_SCREENSHOT=infra/jupyterhub/first-login.png npx vitest … */
const SCREENSHOT = process.env["HUBFORGE_SCREENSHOT"];

let terminal: { child: ChildProcess; text: () => string; exit: Promise<number | null> };
let browser: Browser;
let page: Page;
beforeAll(async () => {
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const [executablePath] = await Promise.all([findOrInstallChromium(say), findOrInstallHub(say)]);
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  page = await browser.newPage({ viewport: { width: 1000, height: 520 } });
  page.setDefaultTimeout(60_000);
  terminal = start(["--hub"]);
}, 600_000);
afterAll(async () => {
  await browser?.close();
  terminal?.child.kill("SIGTERM");
  await terminal?.exit;
});

function start(flags: string[], extra: Record<string, string> = {}) {
  const { PATH = "", HOME = "" } = process.env;
  const env = { PATH, HOME, ...extra };
  const child = spawn(process.execPath, ["infra/local/start.ts", ...flags], { cwd: ROOT, env });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      text += chunk;
    });
  }
  return { child, text: () => text, exit: new Promise<number | null>((resolve) => child.once("close", resolve)) };
}

describe("npm start -- --hub", () => {
  it("prints where to log in, and as whom", async () => {
    await patiently(terminal.text).toMatch(/Log in at http:\/\/127\.0\.0\.1:\d+\n {2}ada +ada-password\n/);
  });

  it("lets ada log in with the browser; the page says that her repository is being prepared", async () => {
    const [, url = ""] = /Log in at (\S+)/.exec(terminal.text()) ?? [];
    await page.goto(url);
    await page.fill("#username_input", "ada");
    await page.fill("#password_input", "ada-password");
    await page.click("#login_submit");
    await page.waitForURL(/spawn-pending|\/user\/ada/, { timeout: 60_000 });
    await page.locator("#progress-message, #progress-log").first().waitFor({ state: "attached", timeout: 60_000 });
    const log = page.locator("#progress-log");
    await patiently(() => log.textContent()).toMatch(/Your repository is (being prepared|ready)|Preparing your Git/);
  });

  it("and ends in her notebooks", async () => {
    await page.waitForURL(/\/user\/ada\//, { timeout: 90_000 });
    const folder = page.locator(".jp-DirListing-item", { hasText: "jupyterhub-ada" });
    await folder.waitFor({ timeout: 90_000 });
    await folder.dblclick();
    const notebook = page.locator(".jp-DirListing-item", { hasText: "IlumIntro.ipynb" });
    await notebook.waitFor({ timeout: 30_000 });
    const news = page.getByRole("button", { name: "No", exact: true });
    await news.click({ timeout: 5_000 }).catch(() => undefined); // JupyterLab asks once whether it may fetch news
    await news.waitFor({ state: "hidden" });
    if (SCREENSHOT) await page.screenshot({ path: join(ROOT, SCREENSHOT) });
    await patiently(terminal.text).toMatch(/ada +✔ templates +created/);
  });

  it("ends on Ctrl-C without a trace", async () => {
    const port = Number(/Log in at http:\/\/127\.0\.0\.1:(\d+)/.exec(terminal.text())?.[1]);
    terminal.child.kill("SIGINT");
    expect(await terminal.exit).toBe(0);
    expect(existsSync(join(ROOT, ".hubforge", `run-${terminal.child.pid}`))).toBe(false);
    expect(await isFree(port)).toBe(true);
  });

  it("says in one sentence what is missing where there is no Python", async () => {
    const folder = await mkdtemp(join(tmpdir(), "hubforge-path-"));
    const { stdout: git } = await promisify(execFile)("which", ["git"]);
    await symlink(git.trim(), join(folder, "git"));
    const { exit, text } = start(["--hub"], { PATH: folder });
    expect(await exit).toBe(1);
    expect(text()).toMatch(
      /^hubforge: Python 3\.10 to 3\.14 with venv is missing on this machine\..*npm start without --hub needs no Python\n$/m,
    );
  });

  it("goes with no flag that ends by itself", async () => {
    const { exit, text } = start(["--hub", "--once"]);
    expect(await exit).toBe(2);
    expect(text()).toContain("--hub goes with --port only");
  });
});

function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
