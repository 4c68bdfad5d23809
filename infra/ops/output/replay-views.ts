import { personOf, type ReplayGroup, type ReplayPlan, type ReplayStep } from "../letters/plan-replay.ts";
import type { StepResult } from "../letters/replay-letters.ts";
import type { Warning } from "../letters/warn.ts";
import { count } from "./count.ts";
import { inert, inertJson } from "./inert.ts";
import { letterRecord } from "./letter-views.ts";
import type { Progress } from "./progress.ts";
import { showTable } from "./rows.ts";
import type { Column } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { ago } from "./times.ts";

const STEPS_SHOWN = 50;

type Shown = { warnings: readonly Warning[]; name: string; now: Date };

export function showReplayPlan(terminal: Terminal, plan: ReplayPlan, shown: Shown): void {
  if (terminal.isTable) showPlanTables(terminal, plan, shown);
  else showPlanRecords(terminal, plan, shown.warnings);
}

function showPlanTables(terminal: Terminal, plan: ReplayPlan, { warnings, name, now }: Shown): void {
  const { steps, groups, hash, oldest, newest } = plan;
  const { deliveries, people, letters } = sizeOf(plan);
  terminal.data(terminal.bold(`Plan ${hash}: replay ${deliveries} of ${people}, ${letters}, on ${name}`));
  if (oldest && newest) terminal.data(failedWhen(ago(oldest, now), ago(newest, now)));
  if (steps.length > 0) {
    terminal.data("");
    showTable(terminal, groups, GROUP_COLUMNS);
    terminal.data("");
    showTable(terminal, steps.slice(0, STEPS_SHOWN), stepColumns(now));
  }
  if (steps.length > STEPS_SHOWN) terminal.data(`… and ${steps.length - STEPS_SHOWN} more: --json shows every one`);
  if (warnings.length > 0) terminal.data("");
  for (const { text } of warnings) terminal.data(`! ${inert(text)}`);
  terminal.data("");
}

/** How much a replay is, in words. */
export function sizeOf({ steps }: Pick<ReplayPlan, "steps">) {
  const people = new Set(steps.map(({ envelope }) => personOf(envelope))).size;
  const letters = steps.reduce((sum, step) => sum + step.letters.length, 0);
  return {
    deliveries: count(steps.length, "delivery", "deliveries"),
    people: count(people, "person", "people"),
    letters: count(letters, "letter"),
  };
}

export const GROUP_COLUMNS: Column<ReplayGroup>[] = [
  { title: "PERSON", text: ({ person }) => person, isFlexible: true },
  { title: "FAILED AT", text: ({ stage }) => stage },
  { title: "CODE", text: ({ code }) => code },
  { title: "DELIVERIES", text: ({ steps }) => String(steps.length), isNumber: true },
  { title: "REASON", text: ({ steps }) => steps[0]?.letter.reason ?? "", isFlexible: true, isProse: true },
];

export const stepColumns = (now: Date): Column<ReplayStep>[] => [
  { title: "IN ORDER", text: ({ letter }) => letter.id },
  { title: "PERSON", text: ({ envelope }) => envelope.delivery.user, isFlexible: true },
  { title: "DELIVERY", text: ({ envelope }) => envelope.delivery.id, isFlexible: true },
  { title: "RECEIVED", text: ({ envelope }) => ago(envelope.delivery.receivedAt, now) },
  { title: "ENTERS", text: ({ stage }) => stage },
  { title: "REPLAY", text: ({ envelope }) => String(envelope.replay.number), isNumber: true },
];

function showPlanRecords(terminal: Terminal, plan: ReplayPlan, warnings: readonly Warning[]): void {
  for (const step of plan.steps) terminal.data(inertJson({ type: "delivery", ...stepRecord(step) }));
  for (const letter of plan.unreplayable) terminal.data(inertJson({ type: "not-replayable", ...letterRecord(letter) }));
  for (const warning of warnings) terminal.data(inertJson({ type: "warning", ...warning }));
  const { hash, oldest = null, newest = null } = plan;
  terminal.data(inertJson({ type: "plan", hash, deliveries: plan.steps.length, oldest, newest }));
}

function stepRecord({ letter, letters, stage, envelope }: ReplayStep) {
  return {
    ...letterRecord(letter),
    enters: stage,
    replay: envelope.replay.number,
    letters: letters.map(({ id }) => id),
  };
}

/** What went wrong is said at once; what went well only to programs. */
export function showResult(terminal: Terminal, { step, outcome, reason }: StepResult, progress: Progress): void {
  const { id } = step.letter;
  if (!terminal.isTable) terminal.data(inertJson({ type: "result", id, outcome, ...(reason ? { reason } : {}) }));
  if (outcome !== "failed" && outcome !== "letter-left") return;
  progress.end();
  terminal.note(`${terminal.warning(outcome)} ${id} ${inert(step.envelope.delivery.user)}: ${inert(reason ?? "")}`);
}

export const OUTCOMES: Record<StepResult["outcome"], string> = {
  replayed: "replayed",
  "letter-left": "replayed, but a letter is still there (the next replay takes it away)",
  failed: "not replayed",
  skipped: "not begun",
};

/** @param rest the command line that does what was not done */
export function showSummary(terminal: Terminal, results: readonly StepResult[], rest: string): void {
  const counts = Map.groupBy(results, ({ outcome }) => outcome);
  const record = Object.fromEntries([...counts].map(([outcome, some]) => [outcome, some.length]));
  if (!terminal.isTable) terminal.data(inertJson({ type: "summary", ...record }));
  const words = [...counts].map(([outcome, some]) => `${some.length} ${OUTCOMES[outcome]}`);
  terminal.note(words.join("; "));
  if (results.some(({ outcome }) => outcome !== "replayed")) terminal.note(`To do the rest:\n  ${rest}`);
}

function failedWhen(oldest: string, newest: string): string {
  return oldest === newest ? `failed ${oldest}` : `failed between ${oldest} and ${newest}`;
}
