import * as z from "zod";
import { alarmsFor } from "./alarms.ts";
import { dashboardOf } from "./dashboard.ts";
import { functionsBehind, serviceFunctions } from "./functions.ts";
import { outsideRights } from "./outside-rights.ts";
import { readStageFile, type Stage } from "./stage-file.ts";
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
  return readStageFile(z.string().parse(await resolveVariable("param:stageFile")));
}
