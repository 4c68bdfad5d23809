import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import type { AxeResults } from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import { findOrInstallChromium } from "./chromium.ts";
import { type OpsChild, startOps } from "./ops-child.ts";

/** `hubforge console` as a process of its own, and the address that it printed. */
export type ConsoleChild = OpsChild & { url: string };

export async function startConsole(
  environment: Record<string, string | undefined>,
  words: readonly string[] = [],
): Promise<ConsoleChild> {
  const child = startOps([...words, "console", "--json"], environment);
  if (!child.process.stdout) throw new Error("a child with pipes has a stdout");
  const first = once(createInterface({ input: child.process.stdout }), "line");
  const line = await Promise.race([first, child.ended]);
  if (!Array.isArray(line)) throw new Error(`the console ended (${line}): ${child.stderr()}`);
  return { ...child, url: JSON.parse(line[0]).url };
}

export async function launchChromium(): Promise<Browser> {
  const executablePath = await findOrInstallChromium((line) => void process.stderr.write(`${line}\n`));
  return await chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/** A page that remembers what its console and its scripts complained of. */
export async function openPage(browser: Browser): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1100, height: 700 } });
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", async (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  return { page, complaints };
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** axe-core finds nothing to mend, light and dark, and nothing sticks out sideways at 360 px and at 1600 px. */
export async function expectWellMade(page: Page, state: string): Promise<void> {
  const before = page.viewportSize();
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const width of [360, 1600]) {
      await page.setViewportSize({ width, height: 800 });
      expect(await violationsOn(page), `${state}, ${colorScheme}, ${width} px`).toEqual([]);
      const wide = await page.evaluate("document.documentElement.scrollWidth");
      expect(wide, `${state} at ${width} px`).toBeLessThanOrEqual(width);
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  if (before) await page.setViewportSize(before);
}

async function violationsOn(page: Page): Promise<string[]> {
  // Through the debugger: the page itself lets no script of others in.
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate("axe.run(document)")) as AxeResults;
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} ${target}: ${failureSummary}`),
  );
}
