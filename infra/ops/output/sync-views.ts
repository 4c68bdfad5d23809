import { countHeld, countRemovals } from "../../../functions/directory-sync/held.ts";
import { countsOf } from "../../../functions/directory-sync/log-run.ts";
import type { Change, Plan } from "../../../functions/directory-sync/plan.ts";
import type { SyncRun } from "../../../functions/directory-sync/run-sync.ts";
import type { Target } from "../target.ts";
import { hintOf } from "./hint.ts";
import type { Column } from "./table.ts";

/** One thing that the plan does, or that it cannot do. */
type Row = { what: string; person: string; account: string; detail: string };

export const columns: Column<Row>[] = [
  { title: "WHAT", text: ({ what }) => what },
  { title: "PERSON", text: ({ person }) => person },
  { title: "ACCOUNT", text: ({ account }) => account },
  { title: "DETAIL", text: ({ detail }) => detail, isFlexible: true },
];

export function rowsOf({ plan, guards }: Pick<SyncRun, "plan" | "guards">): Row[] {
  return [
    ...plan.refreshes.flatMap(({ username: person, account = "", changes, leave }) => [
      ...changes.map((change) => ({ what: verbOf(change), person, account, detail: detailOf(change) })),
      ...leave.map((team) => ({ what: "leave", person, account, detail: `team ${team}` })),
    ]),
    ...plan.departures.map(departed),
    ...plan.rebinds.map(({ username: person, account, from, to }) => {
      return { what: "new id", person, account, detail: `${from} → ${to}` };
    }),
    ...plan.conflicts.map(({ code, dn, reason }) => ({
      what: "conflict",
      person: dn ?? "",
      account: "",
      detail: `${code}: ${reason}`,
    })),
    ...guards.map(({ code, reason }) => ({ what: "guard", person: "", account: "", detail: `${code}: ${reason}` })),
  ];
}

function departed({ username: person, account, leave, reason }: Plan["departures"][number]): Row {
  const teams = leave.length > 0 ? `out of ${leave.join(", ")}; ` : "";
  return { what: "depart", person, account, detail: `${teams}${reason}` };
}

const verbOf = ({ what }: Change) =>
  ({ account: "create", join: "join", unblock: "unblock", id: "rebind" })[what as string] ?? "update";

function detailOf({ what, from, to }: Change): string {
  if (what === "account") return from === "" ? `account ${to}` : `account ${to}, found unmarked`;
  if (what === "join") return `team ${to}`;
  return `${what} "${from}" → "${to}"`;
}

/** For programs, the last line, whatever else there was: README.md of functions/directory-sync has its shape. */
export function summaryRow(run: SyncRun) {
  const { advice, guards, hash, isDryRun, plan, refusal } = run;
  return {
    what: "summary",
    dryRun: isDryRun,
    refusal: refusal ?? null,
    hash,
    held: countHeld(plan, run),
    guards: guards.map(({ code }) => code),
    confirm: advice.confirm ?? null,
    rebind: advice.rebind ?? null,
    counts: countsOf(run),
  };
}

type Shown = { isDryRun: boolean; target: Pick<Target, "name" | "asked"> };

/** What follows the table: how much, whether it was sent, and what to do. */
export function summaryOf(run: SyncRun, { isDryRun, target }: Shown): string[] {
  const { plan, world, hash, advice, refusal } = run;
  const read = `${world.directory.people.length} people and ${world.gitea.accounts.length} accounts compared on ${target.name}`;
  if (refusal !== undefined) return [read, `Nothing was done: ${refusal}`];
  const removals = countRemovals(plan);
  const isHeld = countHeld(plan, run) > 0;
  return [
    read,
    isDryRun ? "Dry run: nothing was sent." : sentText(run),
    ...(removals > 0 ? [`Who would lose something: ${removals}, removals ${hash}`] : []),
    ...(isHeld ? [heldText(advice, target)] : []),
    ...(advice.rebind
      ? [`If they are the same humans: ${hintOf(target, "sync", { options: { rebind: advice.rebind } })}`]
      : []),
  ];
}

function heldText({ confirm }: SyncRun["advice"], target: Shown["target"]): string {
  if (confirm) return `Held back. If it is right: ${hintOf(target, "sync", { options: { confirm } })}`;
  return "Held back, and nobody can confirm it, because the read proves nothing: mend what the guards name.";
}

function sentText({ sent }: SyncRun): string {
  if (sent === 0) return "Nothing to send.";
  return sent === 1 ? "1 message sent." : `${sent} messages sent.`;
}
