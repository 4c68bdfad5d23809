import type { Command } from "commander";
import { Permanent, Retryable } from "#shared/errors.ts";
import { DEPARTURES } from "#shared/pipeline.ts";
import { countHeld } from "../../../functions/directory-sync/held.ts";
import { connectSync, type Progress, runSync, type SyncRun } from "../../../functions/directory-sync/run-sync.ts";
import type { Run } from "../command-line.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { inert } from "../output/inert.ts";
import { showRows } from "../output/rows.ts";
import { columns, rowsOf, summaryOf } from "../output/sync-views.ts";
import { findTarget } from "../target.ts";
import { UsageError } from "../usage-error.ts";
import type { Context, Verb } from "./context.ts";

type SyncOptions = { dryRun?: boolean; confirm?: string; rebind?: string };

/** `hubforge sync`: one run of the directory sync, from here. */
export function sync(program: Command, run: Run): void {
  program
    .command("sync")
    .description("compare the directory with Gitea now, and send what differs to the stages")
    .option("--dry-run", "show the plan and send nothing")
    .option("--confirm <hash>", "let exactly the removals of that hash through the guards, once")
    .option("--rebind <hash>", "a rebuilt directory: accept the new ids of that hash for the same people")
    .action(run(syncNow));
}

const syncNow: Verb<SyncOptions> = async (context, options) => {
  const { terminal, signal, now } = context;
  const { dryRun: isDryRun = false, confirm, rebind } = options;
  if (confirm !== undefined && rebind !== undefined) throw new UsageError("--confirm and --rebind: one at a time");
  const target = await findTarget(
    { deployment: context.deployment, queues: ["identity", DEPARTURES], signal },
    context.environment,
  );
  const requests = { total: 0, writes: 0 };
  const progress: Progress = { people: 0, accounts: 0, sent: 0 };
  const line = liveLine(
    context,
    () => `${progress.people} people read, ${requests.total} requests, ${progress.sent} sent`,
  );
  try {
    const tools = (await connectSync(target.environment))({ signal, requests });
    const onProgress = (come: Progress) => Object.assign(progress, come);
    const run = await runSync({ confirm, rebind, isDryRun, signal, now, onProgress }, tools);
    line.end();
    const rows = rowsOf(run);
    if (rows.length > 0) showRows(terminal, rows, columns);
    for (const text of summaryOf(run, { isDryRun, target })) terminal.note(inert(text));
    return exitCodeOf(run, isDryRun);
  } catch (error) {
    line.end();
    if (signal.aborted) return EXIT.interrupted;
    if (!(error instanceof Retryable || error instanceof Permanent)) throw error;
    const came = `${progress.people} people read, ${progress.accounts} accounts read, ${progress.sent} messages sent`;
    terminal.note(
      `hubforge: ${inert(`${error.code}: ${error.message}`)}\nIt came so far: ${came}. Nobody loses anything.`,
    );
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
