import type { Result } from "../doctor/check.ts";
import { inert } from "./inert.ts";
import { showRows } from "./rows.ts";
import type { Column } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const SHORT: Record<Result["state"], string> = {
  ok: "ok",
  warning: "warning",
  failed: "FAILED",
  skipped: "skipped",
  "not applicable": "–",
};

const COLUMNS: Column<Result>[] = [
  { title: "STATE", text: ({ state }) => SHORT[state] },
  { title: "CHECK", text: ({ check }) => check },
  { title: "FINDING", text: ({ finding }) => finding, isFlexible: true },
];

/** A row for each check; below a table, what failed in full and what to do about it. */
export function showResults(terminal: Terminal, results: readonly Result[]): void {
  showRows(terminal, results, COLUMNS);
  if (!terminal.isTable) return;
  for (const { state, check, finding, advice } of results) {
    if (advice === undefined || state === "ok") continue;
    terminal.data("");
    terminal.data(inert(`${SHORT[state]}: ${check}: ${finding}`));
    terminal.data(`  ${terminal.bold("do:")} ${inert(advice)}`);
  }
}

/** e.g. `49 checks: 40 ok, 1 warning, 2 failed, 6 skipped`. */
export function countsOf(results: readonly Result[]): string {
  const states = Object.keys(SHORT) as Result["state"][];
  const counts = states.map((state) => [state, results.filter((result) => result.state === state).length] as const);
  const told = counts.filter(([, count]) => count > 0).map(([state, count]) => `${count} ${state}`);
  return `${results.length} checks: ${told.join(", ")}`;
}
