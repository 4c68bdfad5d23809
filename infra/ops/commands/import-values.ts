import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import type { Command } from "commander";
import { stringify } from "yaml";
import { why } from "#shared/why.ts";
import { type Imported, importValues } from "../../import-values/import-values.ts";
import { NoYaml } from "../../read-yaml.ts";
import { isStageName, STAGE_NAME_RULE } from "../../stage-names.ts";
import type { Run } from "../command-line.ts";
import { EXIT } from "../exit-codes.ts";
import { inert } from "../output/inert.ts";
import { UsageError } from "../usage-error.ts";
import type { Verb } from "./context.ts";

/** `hubforge import-values <file>`: the platform's Helm values as a stage's file. */
export function importValuesCommand(program: Command, run: Run): void {
  program
    .command("import-values")
    .argument("<values.yaml>", "the platform's Helm values")
    .description("turn the platform's values into a stage's settings; says which keys it did not use, and why")
    .option("--stage <stage>", "the stage that they become (default dev)")
    .option("--write", "write infra/stages/<stage>.yml, if there is none yet, instead of printing it")
    .action(run(importFile));
}

const importFile: Verb<{ stage?: string; write?: boolean }> = async ({ terminal }, options, [path = ""]) => {
  const { stage = "dev", write: isWriting = false } = options;
  if (!isStageName(stage)) throw new UsageError(`--stage "${stage}": ${STAGE_NAME_RULE}`);
  const imported = importedFrom(path, stage);
  const file = stageFile(imported, path);
  if (isWriting) writeNew(STAGES, stage, file);
  else terminal.data(file.trimEnd());
  const say = (text: string) => terminal.note(inert(text));
  say("Secrets, each into its place (they pass through no argument and no file):");
  for (const command of imported.commands) for (const line of command.split("\n")) say(`  ${line}`);
  say("Not used:");
  for (const { key, reason } of imported.unused) say(`  ${key}: ${reason}`);
  for (const problem of imported.problems) say(`Still wrong: ${problem}`);
  return imported.problems.length === 0 ? EXIT.done : EXIT.partly;
};

function importedFrom(path: string, stage: string): Imported {
  try {
    return importValues(textOf(path), stage);
  } catch (error) {
    if (error instanceof NoYaml) throw new UsageError(`${path}: ${error.message}`);
    throw error;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${why(error)}`);
  }
}

function stageFile({ settings }: Imported, path: string): string {
  return `# From ${inert(basename(path))} by hubforge import-values.\n${stringify(settings)}`;
}

const STAGES = new URL("../../stages/", import.meta.url);

/** A stage's file that is there already is somebody's work. @throws UsageError */
export function writeNew(folder: URL, stage: string, text: string): void {
  const file = new URL(`${stage}.yml`, folder);
  try {
    writeFileSync(file, text, { flag: "wx" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST"))
      throw new UsageError(`infra/stages/${stage}.yml cannot be written: ${why(error)}`);
    throw new UsageError(`infra/stages/${stage}.yml is there already: take it away, or name another --stage`);
  }
}
