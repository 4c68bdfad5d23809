import type { Command } from "commander";
import { DEAD_LETTERS, queueUrlVariable } from "#shared/pipeline.ts";
import type { Run } from "../command-line.ts";
import { EXIT } from "../exit-codes.ts";
import { type ActiveFault, FAULTS, openLab } from "../lab/faults.ts";
import { isLoopback } from "../loopback.ts";
import { parseCount, requireWord } from "../options.ts";
import { hintOf } from "../output/hint.ts";
import { showRows } from "../output/rows.ts";
import type { Column } from "../output/table.ts";
import { UsageError } from "../usage-error.ts";
import { type Context, openTarget, type Verb } from "./context.ts";

type FailOptions = { method?: string; path?: string; times?: string };

/** `hubforge lab …`: the local stack's Gitea fails as told, to see what hubforge makes of it. */
export function lab(program: Command, run: Run): void {
  const group = program.command("lab").description("make the local stack's Gitea fail, and mend it");
  const known = Object.entries(FAULTS).map(([name, { means }]) => `  ${name.padEnd(13)} ${means}`);
  group
    .command("fail")
    .argument("<how>", Object.keys(FAULTS).join(", "))
    .description("fail from now on, until healed")
    .option("--method <method>", "only such requests, e.g. POST")
    .option("--path <part>", "only requests with this in their path, e.g. /repos")
    .option("--times <count>", "only so often")
    .addHelpText("after", `\nHow:\n${known.join("\n")}`)
    .action(run(fail));
  group.command("heal").description("no faults any more").action(run(heal));
  group.command("list").description("the faults in force, and how many requests they hit").action(run(list));
}

/** What hubforge asks Gitea by. */
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

const fail: Verb<FailOptions> = async (context, { method, path, times }, [how = ""]) => {
  requireWord("fault", how, Object.keys(FAULTS));
  if (method !== undefined) requireWord("--method", method.toUpperCase(), METHODS);
  const { faults, terminal } = await labOf(context);
  const active = await faults.fail({
    ...FAULTS[how]?.rule,
    times: times === undefined ? "always" : parseCount("--times", times, 1_000_000),
    ...(method && { method: method.toUpperCase() }),
    ...(path && { path }),
  });
  showRows(terminal, active, COLUMNS);
  terminal.note(`${hintOf({ asked: context.deployment }, "lab heal")} ends it`);
  return EXIT.done;
};

const heal: Verb<object> = async (context) => {
  const { faults, terminal } = await labOf(context);
  await faults.heal();
  terminal.note("Gitea is well again");
  return EXIT.done;
};

const list: Verb<object> = async (context) => {
  const { faults, terminal } = await labOf(context);
  const active = await faults.list();
  if (active.length > 0) showRows(terminal, active, COLUMNS);
  else terminal.note("no faults: Gitea is well");
  return EXIT.done;
};

async function labOf(context: Context) {
  // Never a deployment by default: nobody means to break one.
  const isNamed = context.environment[queueUrlVariable(DEAD_LETTERS)] !== undefined;
  const deployment = context.deployment ?? (isNamed ? undefined : "local");
  const { environment } = await openTarget({ ...context, deployment }, []);
  const { GITEA_URL: url } = environment;
  if (url && !isLoopback(url)) {
    throw new UsageError(`${url} is no stand-in on this machine: the lab breaks the local stack's Gitea only`);
  }
  if (!url) throw new UsageError("no local stack is running: start one with npm start");
  return { faults: openLab(url), terminal: context.terminal };
}

const COLUMNS: Column<ActiveFault>[] = [
  { title: "METHOD", text: ({ method }) => method ?? "any" },
  { title: "PATH", text: ({ path, pattern }) => path ?? pattern ?? "any", isFlexible: true },
  { title: "DOES", text: does },
  { title: "TIMES", text: ({ times }) => String(times), isNumber: true },
  { title: "HIT", text: ({ hit }) => String(hit), isNumber: true },
];

function does({ status, drop, delayMilliseconds, lateMilliseconds, cutAfterBytes }: ActiveFault): string {
  if (status !== undefined) return `answers ${status}`;
  if (drop !== undefined) return `cuts the connection ${drop} it happens`;
  if (cutAfterBytes !== undefined) return `cuts the answer after ${cutAfterBytes} bytes`;
  return `waits ${delayMilliseconds ?? lateMilliseconds ?? 0} ms`;
}
