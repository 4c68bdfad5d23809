import * as z from "zod";
import { SettingsError } from "#shared/config.ts";
import { alarmsFor } from "./alarms.ts";
import { dashboardOf } from "./dashboard.ts";
import { functionsBehind, serviceFunctions } from "./functions.ts";
import { outsideRights } from "./outside-rights.ts";
import { printable, readStageFile, type Stage } from "./stage-file.ts";
import { stageQueues } from "./stage-queues.ts";

/**
 * What osls asks for (serverless.yml, through stack.cjs), each from the stage's file. A wrong setting stops it here, so
 * that nothing is packaged, let alone deployed.
 */
type Osls = { resolveVariable(variable: string): Promise<unknown> };

export async function settings(osls: Osls): Promise<Record<string, string>> {
  return (await stageOf(osls)).settings;
}

export async function functions(osls: Osls) {
  const stage = await stageOf(osls);
  return functionsBehind(stage.stack, serviceFunctions(), stage.settings);
}

/** On top of infra/queues.yml and infra/roles.yml: what depends on the stage's file. */
export async function resources(osls: Osls) {
  const stage = await stageOf(osls);
  return { Resources: { ...stageQueues(stage), ...outsideRights(stage, serviceFunctions()) } };
}

export async function alarms(osls: Osls) {
  const wanted = alarmsFor(await stageOf(osls));
  return { Resources: { ...wanted, Dashboard: dashboardOf(wanted) } };
}

export async function logRetentionInDays(osls: Osls): Promise<number> {
  return (await stageOf(osls)).stack.STACK_LOG_RETENTION_DAYS;
}

async function stageOf({ resolveVariable }: Osls): Promise<Stage> {
  const stage = readStageFile(z.string().parse(await resolveVariable("param:stageFile")));
  const names = Object.keys(TemplateNumbers.shape);
  const values = await Promise.all(names.map(async (name) => [name, await resolveVariable(`param:${name}`)] as const));
  const numbers = TemplateNumbers.safeParse(Object.fromEntries(values));
  if (numbers.success) return stage;
  const problems = numbers.error.issues.map(({ path, message }) => `--param ${path.join(".")}: ${message}`);
  throw printable(new SettingsError(problems.join("\n")));
}

const number = (low: number, high: number) =>
  z.coerce
    .number()
    .refine((value) => Number.isInteger(value) && value >= low && value <= high, `must be from ${low} to ${high}`);

/** `params` of serverless.yml, within what AWS takes. */
const TemplateNumbers = z
  .object({
    functionTimeoutSeconds: number(1, 900),
    visibilityTimeoutSeconds: number(1, 43_200),
    maxReceiveCount: number(1, 1_000),
    maximumConcurrency: number(2, 1_000),
    departureDelaySeconds: number(0, 900),
    syncTimeoutSeconds: number(1, 900),
  })
  .refine((all) => all.visibilityTimeoutSeconds >= 6 * all.functionTimeoutSeconds, {
    path: ["visibilityTimeoutSeconds"],
    message: "must be at least 6 × functionTimeoutSeconds: else a message comes again while its function still works",
  });
