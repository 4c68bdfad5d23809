import { Command, CommanderError } from "commander";
import type { Environment } from "#shared/config.ts";
import { SettingsError } from "#shared/config.ts";
import { Permanent, Retryable } from "#shared/errors.ts";
import { why } from "#shared/why.ts";
import { AwsTrouble } from "./aws-trouble.ts";
import { accounts } from "./commands/accounts.ts";
import { openConsole } from "./commands/console.ts";
import type { Context, Verb } from "./commands/context.ts";
import { deadLetters } from "./commands/dead-letters.ts";
import { doctor } from "./commands/doctor.ts";
import { importValuesCommand } from "./commands/import-values.ts";
import { lab } from "./commands/lab.ts";
import { queues } from "./commands/queues.ts";
import { sync } from "./commands/sync.ts";
import { trace } from "./commands/trace.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { Interrupted } from "./letters/interrupted.ts";
import { inert } from "./output/inert.ts";
import { createTerminal, type Streams } from "./output/terminal.ts";
import { UsageError } from "./usage-error.ts";

export type Outside = { streams: Streams; environment: Environment; signal: AbortSignal; now?: Date };

type GlobalOptions = { json?: boolean; table?: boolean; deployment?: string };
/** Turns a verb into what commander calls. */
export type Run = <Options extends object>(verb: Verb<Options>) => (...parameters: unknown[]) => Promise<void>;

/** Carries out one command line. Never throws: what went wrong is said on stderr and is the exit code. */
export async function runCommandLine(words: readonly string[], outside: Outside): Promise<ExitCode> {
  const { streams } = outside;
  let code: ExitCode = EXIT.done;
  let failedIn: Command | undefined;
  const run: Run =
    (verb) =>
    async (...parameters) => {
      const command = parameters.at(-1);
      if (!(command instanceof Command)) throw new Error("commander calls an action with the command last");
      failedIn = command;
      const { json, table, deployment, ...options } = command.optsWithGlobals<
        GlobalOptions & Parameters<typeof verb>[1]
      >();
      const terminal = createTerminal(streams, json ? false : table);
      const { environment, signal, now = new Date() } = outside;
      const context: Context = { terminal, environment, deployment, now, signal };
      code = await verb(context, options as Parameters<typeof verb>[1], command.args);
    };
  const program = createProgram(run, streams);
  try {
    await program.parseAsync([...words], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    // Whoever was being asked was not waited for any longer: that is no trouble of theirs.
    const isCut = outside.signal.aborted && error instanceof AwsTrouble;
    return complain(isCut ? new Interrupted("interrupted") : error, streams, failedIn);
  }
}

function createProgram(run: Run, { stdout, stderr }: Streams): Command {
  const program = new Command("hubforge")
    .description("See, understand and replay what hubforge could not do.")
    .option(
      "--deployment <stage>",
      "which one: a stage of serverless.yml, or local (default: the local stack that runs, else dev)",
    )
    .option("--json", "one JSON object per line (the default when stdout is no terminal)")
    .option("--table", "tables also where stdout is no terminal")
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) });
  deadLetters(program, run);
  accounts(program, run);
  sync(program, run);
  doctor(program, run);
  lab(program, run);
  importValuesCommand(program, run);
  program
    .command("trace")
    .argument("<who>", "a delivery's id, a letter's id, or a person: their latest delivery")
    .description("the whole way of one delivery: stages, times, requests, outcome")
    .option("--since <time>", "looked for since then (default 1d)")
    .option("--until <time>", "looked for until then")
    .action(run(trace));
  program
    .command("console")
    .description("the same in a browser: a page on 127.0.0.1, until Ctrl-C")
    .option("--port <port>", "which one (default: any that is free)")
    .action(run(openConsole));
  program.command("queues").description("how much waits in each queue").action(run(queues));
  for (const command of allOf(program)) command.showHelpAfterError(`usage: ${nameOf(command)} ${command.usage()}`);
  return program;
}

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap((one) => allOf(one))];
}

function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}

const KNOWN = [AwsTrouble, SettingsError, Permanent, Retryable];

function complain(error: unknown, { stderr }: Streams, command: Command | undefined): ExitCode {
  const say = (text: string) => void stderr.write(`hubforge: ${text}\n`);
  if (error instanceof Interrupted) {
    say(error.message);
    return EXIT.interrupted;
  }
  if (error instanceof UsageError) {
    say(inert(error.message));
    if (command) stderr.write(`usage: ${nameOf(command)} ${command.usage()} (--help tells more)\n`);
    return EXIT.usage;
  }
  const isKnown = KNOWN.some((kind) => error instanceof kind);
  const text = why(error);
  say(
    isKnown
      ? text
          .split("\n")
          .map((line) => inert(line))
          .join("\n")
      : `unexpected: ${error instanceof Error ? (error.stack ?? text) : text}`,
  );
  return EXIT.error;
}
