import { access } from "node:fs/promises";
import { readFunctions } from "../../local/functions.ts";
import type { Target } from "../target.ts";
import { UsageError } from "../usage-error.ts";
import { type Journey, latestJourney } from "./follow-journey.ts";
import { isAbout, type LogLine, type Sought } from "./log-line.ts";
import { readLogFile } from "./read-log-file.ts";

export type Span = Pick<Target, "logs"> & { since: Date; until: Date; signal?: AbortSignal };

/** What a hub asks on a person's behalf (functions/workspaces) has an id of its own, but is nobody's login. */
const QUESTION = /^(workspace|credentials)\./;

/**
 * By delivery first, then by letter, then by person; a person's own lines lead to the latest delivery, and that to all of its
 * lines. A question of the hub is shown where there is nothing else.
 */
export async function findJourney(wanted: string, span: Span): Promise<Journey | undefined> {
  const byDelivery = latestJourney(await readLines("delivery", wanted, span));
  if (byDelivery) return byDelivery;
  for (const field of ["failureId", "person"] as const) {
    const lines = await readLines(field, wanted, span);
    const some = latestJourney(lines.filter(({ event }) => !QUESTION.test(event))) ?? latestJourney(lines);
    if (some) return latestJourney(await readLines("delivery", some.delivery, span)) ?? some;
  }
  return undefined;
}

async function readLines(field: Sought, value: string, { logs, since, until, signal }: Span): Promise<LogLine[]> {
  if ("deployment" in logs) {
    const { readCloudWatch } = await import("./read-cloudwatch.ts");
    const functions = readFunctions({ stage: logs.deployment, region: "" }).map(({ name }) => name);
    return await readCloudWatch({ deployment: logs.deployment, functions, field, value, since, until, signal });
  }
  if ("unknown" in logs) throw new UsageError(logs.unknown);
  await access(logs.file).catch(() => {
    throw new UsageError(`there is no log ${logs.file}`);
  });
  return await readLogFile(logs.file, (line) => {
    const time = Date.parse(line.time);
    return isAbout(line, field, value) && time >= since.getTime() && time <= until.getTime();
  });
}
