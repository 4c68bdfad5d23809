import type { Command } from "commander";
import { Permanent, Retryable } from "#shared/errors.ts";
import { DEPARTURES } from "#shared/pipeline.ts";
import { countHeld } from "../../../functions/directory-sync/held.ts";
import { connectSync, type Progress, runSync, type SyncRun } from "../../../functions/directory-sync/run-sync.ts";
import type { Run } from "../command-line.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { parseMinutes } from "../options.ts";
import { inert, inertJson } from "../output/inert.ts";
import { showRows } from "../output/rows.ts";
import { columns, rowsOf, summaryOf, summaryRow } from "../output/sync-views.ts";
import { UsageError } from "../usage-error.ts";
import { type Context, openTarget, type Verb } from "./context.ts";

type SyncOptions = { dryRun?: boolean; confirm?: string; rebind?: string; within: string };

/** `hubforge sync`: one run of the directory sync, from here. */
export function sync(program: Command, run: Run): void {
  program
    .command("sync")
    .description("compare the directory with Gitea now, and send what differs to the stages")
    .option("--dry-run", "show the plan and send nothing")
    .option("--confirm <hash>", "let exactly the removals of that hash through the guards, once")
    .option("--rebind <hash>", "a rebuilt directory: accept the new ids of that hash for the same people")
    .option("--within <minutes>", "give up after so long", "15")
    .action(run(syncNow));
}

const syncNow: Verb<SyncOptions> = async (context, options) => {
  const { terminal, now } = context;
  const { dryRun: isDryRun = false, confirm, rebind, within } = options;
  if (confirm !== undefined && rebind !== undefined) throw new UsageError("--confirm and --rebind: one at a time");
  const timeUp = AbortSignal.timeout(Math.ceil(parseMinutes(within) * 60_000));
  const signal = AbortSignal.any([context.signal, timeUp]);
  const target = await openTarget(context, ["identity", DEPARTURES]);
  const requests = { total: 0, writes: 0 };
  const progress: Progress = { people: 0, accounts: 0, sent: 0 };
  const line = liveLine(
    context,
    () => `${progress.people} people read, ${requests.total} requests, ${progress.sent} sent`,
  );
  try {
    const tools = (await connectSync(target.environment))({ signal, requests });
    const onProgress = (come: Progress) => Object.assign(progress, come);
    const run = await runSync({ confirm, rebind, isDryRun, now, onProgress }, tools);
    line.end();
    const rows = rowsOf(run);
    if (rows.length > 0) showRows(terminal, rows, columns);
    if (!terminal.isTable) terminal.data(inertJson(summaryRow(run)));
    for (const text of summaryOf(run, { isDryRun, target })) terminal.note(inert(text));
    return exitCodeOf(run, isDryRun);
  } catch (error) {
    line.end();
    if (context.signal.aborted) return EXIT.interrupted;
    if (!(error instanceof Retryable || error instanceof Permanent)) throw error;
    const late = `given up after ${within} minutes (--within): `;
    const came = `${progress.people} people read, ${progress.accounts} accounts read, ${progress.sent} messages sent`;
    const text = inert(`${timeUp.aborted ? late : ""}${error.code}: ${error.message}`);
    terminal.note(`hubforge: ${text}\nIt came so far: ${came}. What was sent stays sent; nothing else was done.`);
    return EXIT.error;
  }
};

function exitCodeOf(run: SyncRun, isDryRun: boolean): ExitCode {
  if (run.refusal !== undefined) return EXIT.error;
  return !isDryRun && countHeld(run.plan, run) > 0 ? EXIT.partly : EXIT.done;
}

const EVERY_MILLISECONDS = 200;

/** One line on stderr that says how far a long read has come; nothing where stderr is no terminal. */
function liveLine({ terminal: { isLive, stderr } }: Context, text: () => string): { end(): void } {
  if (!isLive) return { end: () => undefined };
  const timer = setInterval(() => stderr.write(`\r${text()}\x1b[K`), EVERY_MILLISECONDS);
  return {
    end: () => {
      clearInterval(timer);
      stderr.write("\r\x1b[K");
    },
  };
}
