import { EXIT } from "../exit-codes.ts";
import { didYouMean } from "../nearest.ts";
import { parseTime } from "../options.ts";
import { inert, inertJson } from "../output/inert.ts";
import { journeyColumns, journeyEnd, journeyTitle } from "../output/journey-views.ts";
import { showTable } from "../output/rows.ts";
import type { Target } from "../target.ts";
import { findJourney } from "../trace/find-journey.ts";
import type { Journey } from "../trace/follow-journey.ts";
import { readLogFile } from "../trace/read-log-file.ts";
import { UsageError } from "../usage-error.ts";
import { type Context, openTarget, type Verb } from "./context.ts";

export type TraceOptions = { since?: string; until?: string };

/** CloudWatch reads through all that was logged in between. */
const SINCE = "1d";

/** `trace <delivery or person>`: the whole way of a delivery, or of a person's latest. */
export const trace: Verb<TraceOptions> = async (context, options, words) => {
  const { terminal, now, signal } = context;
  const [wanted] = words;
  if (!wanted?.trim()) throw new UsageError("whose way? name a delivery, a person or a letter");
  const since = parseTime(options.since ?? SINCE, now);
  const until = options.until === undefined ? new Date() : parseTime(options.until, now, true);
  const target = await openTarget(context, []);
  const journey = await findJourney(wanted, { logs: target.logs, since, until, signal });
  if (!journey) {
    const meant = didYouMean(wanted, await peopleIn(target.logs));
    terminal.note(inert(`nothing about ${wanted} was logged by ${target.name} since ${since.toISOString()}${meant}`));
    return EXIT.nothingMatched;
  }
  show(context, journey, target);
  return EXIT.done;
};

/** Who is named in a log file; CloudWatch would have to be read whole. */
async function peopleIn(logs: Target["logs"]): Promise<Iterable<string>> {
  const people = new Set<string>();
  if ("file" in logs)
    await readLogFile(logs.file, ({ person }) => {
      if (person !== undefined) people.add(person);
      return false;
    });
  return people;
}

function show({ terminal }: Context, journey: Journey, target: Target): void {
  if (!terminal.isTable) {
    for (const line of journey.lines) terminal.data(inertJson(line));
    terminal.data(inertJson({ type: "journey", delivery: journey.delivery, person: journey.person, ...journey.state }));
    return;
  }
  terminal.data(inert(journeyTitle(journey)));
  terminal.data("");
  showTable(terminal, journey.lines, journeyColumns(journey));
  terminal.data("");
  for (const line of journeyEnd(journey, target)) terminal.data(inert(line));
}
