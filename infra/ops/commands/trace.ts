import { access } from "node:fs/promises";
import { foldName } from "#shared/names.ts";
import { readFunctions } from "../../local/functions.ts";
import { EXIT } from "../exit-codes.ts";
import { parseTime } from "../options.ts";
import { inert, inertJson } from "../output/inert.ts";
import { journeyColumns, journeyEnd, journeyTitle } from "../output/journey-views.ts";
import { showTable } from "../output/rows.ts";
import type { Target } from "../target.ts";
import { type Journey, latestJourney } from "../trace/follow-journey.ts";
import type { LogLine } from "../trace/log-line.ts";
import { readLogFile } from "../trace/read-log-file.ts";
import { UsageError } from "../usage-error.ts";
import { type Context, openTarget, type Verb } from "./context.ts";

export type TraceOptions = { since?: string; until?: string };

/** CloudWatch reads through all that was logged in between. */
const SINCE = "1d";

/** `trace <delivery or person>`: the whole way of a delivery, or of a person's latest. */
export const trace: Verb<TraceOptions> = async (context, options, words) => {
  const { terminal, now } = context;
  const [wanted] = words;
  if (wanted === undefined) throw new UsageError("whose way? name a delivery, a person or a letter");
  const since = parseTime(options.since ?? SINCE, now);
  const until = options.until === undefined ? new Date() : parseTime(options.until, now, true);
  const target = await openTarget(context, []);
  const journey = await findJourney(wanted, { target, since, until });
  if (!journey) {
    terminal.note(inert(`nothing about ${wanted} was logged by ${target.name} since ${since.toISOString()}`));
    return EXIT.nothingMatched;
  }
  show(context, journey);
  return EXIT.done;
};

function show({ terminal }: Context, journey: Journey): void {
  if (!terminal.isTable) {
    for (const line of journey.lines) terminal.data(inertJson(line));
    terminal.data(inertJson({ type: "journey", delivery: journey.delivery, person: journey.person, ...journey.state }));
    return;
  }
  terminal.data(inert(journeyTitle(journey)));
  terminal.data("");
  showTable(terminal, journey.lines, journeyColumns(journey));
  terminal.data("");
  for (const line of journeyEnd(journey).split("\n")) terminal.data(inert(line));
}

type Span = { target: Target; since: Date; until: Date };

/** By delivery first, then by letter, then by person; a person's own lines lead to the latest delivery, and that to all of its lines. */
async function findJourney(wanted: string, span: Span): Promise<Journey | undefined> {
  const byDelivery = latestJourney(await readLines("delivery", wanted, span));
  if (byDelivery) return byDelivery;
  for (const field of ["failureId", "person"] as const) {
    const some = latestJourney(await readLines(field, wanted, span));
    if (some) return latestJourney(await readLines("delivery", some.delivery, span)) ?? some;
  }
  return undefined;
}

type Field = "delivery" | "failureId" | "person";

async function readLines(field: Field, value: string, { target, since, until }: Span): Promise<LogLine[]> {
  const { logs } = target;
  if ("deployment" in logs) {
    const { readCloudWatch } = await import("../trace/read-cloudwatch.ts");
    const functions = readFunctions({ stage: logs.deployment, region: "" }).map(({ name }) => name);
    return await readCloudWatch({ deployment: logs.deployment, functions, field, value, since, until });
  }
  await access(logs.file).catch(() => {
    throw new UsageError(`there is no log ${logs.file}`);
  });
  return await readLogFile(logs.file, (line) => {
    const time = Date.parse(line.time);
    return isSameValue(field, line[field], value) && time >= since.getTime() && time <= until.getTime();
  });
}

function isSameValue(field: Field, found: string | undefined, value: string): boolean {
  if (found === undefined) return false;
  return field === "person" ? foldName(found) === foldName(value) : found === value;
}
