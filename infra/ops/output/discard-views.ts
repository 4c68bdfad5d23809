import type { Discarded, DiscardPlan } from "../letters/discard-letters.ts";
import { count } from "./count.ts";
import { inertJson } from "./inert.ts";
import { letterColumns, letterRecord } from "./letter-views.ts";
import { showTable } from "./rows.ts";
import type { Terminal } from "./terminal.ts";

type Shown = { name: string; now: Date };

export function showDiscardPlan(terminal: Terminal, { hash, letters }: DiscardPlan, { name, now }: Shown): void {
  if (!terminal.isTable) {
    for (const letter of letters) terminal.data(inertJson({ type: "letter", ...letterRecord(letter) }));
    terminal.data(inertJson({ type: "plan", hash, letters: letters.length }));
    return;
  }
  terminal.data(terminal.bold(`Plan ${hash}: discard ${count(letters.length, "letter")} for good, on ${name}`));
  terminal.data("");
  showTable(terminal, letters, letterColumns(now));
  terminal.data("");
}

export function showDiscarded(terminal: Terminal, { letter: { id }, outcome, reason }: Discarded): void {
  if (!terminal.isTable) terminal.data(inertJson({ type: "result", id, outcome, ...(reason ? { reason } : {}) }));
}

/** @param rest the command line that does what was not done */
export function showDiscardSummary(terminal: Terminal, results: readonly Discarded[], rest: string): void {
  const counts = Map.groupBy(results, ({ outcome }) => outcome);
  const record = Object.fromEntries([...counts].map(([outcome, some]) => [outcome, some.length]));
  if (!terminal.isTable) terminal.data(inertJson({ type: "summary", ...record }));
  terminal.note([...counts].map(([outcome, some]) => `${some.length} ${outcome}`).join("; "));
  if (results.some(({ outcome }) => outcome !== "discarded")) terminal.note(`To do the rest:\n  ${rest}`);
}
