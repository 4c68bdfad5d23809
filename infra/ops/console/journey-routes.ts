import type { Hono } from "hono";
import { why } from "#shared/why.ts";
import type { Letter } from "../letters/letter.ts";
import type { Target } from "../target.ts";
import { findJourney, type Span } from "../trace/find-journey.ts";
import type { Journey } from "../trace/follow-journey.ts";
import type { Show } from "./app.ts";
import type { Desk } from "./desk.ts";
import { journeyPage } from "./pages/journey-page.ts";

type Found = { journey?: Journey | undefined; trouble?: string };

const DAY_MILLISECONDS = 86_400_000;
const MARGIN_MILLISECONDS = 60_000;

/** `/journey?of=<person, delivery or letter>`: the whole way of one delivery. */
export function journeyRoutes(app: Hono, { desk, show }: { desk: Desk; show: Show }): void {
  app.get("/journey", async (c) => {
    const wanted = c.req.query("of")?.trim() ?? "";
    const now = Date.now();
    const since = new Date(now - DAY_MILLISECONDS);
    const span = { logs: desk.target.logs, since, until: new Date(now + MARGIN_MILLISECONDS) };
    const found = wanted === "" ? {} : await find(wanted, span);
    return await show(c, { title: "Journeys", here: "journeys" }, journeyPage(wanted, found));
  });
}

/** The journey that ended as this letter: looked for in its own time only, because CloudWatch reads all in between. */
export async function journeyOfLetter(
  { envelope, id, firstFailedAt, failedAt }: Letter,
  { logs }: Target,
): Promise<Found> {
  const begun = Date.parse(envelope?.delivery.receivedAt ?? firstFailedAt);
  const since = new Date(begun - MARGIN_MILLISECONDS);
  const until = new Date(Date.parse(failedAt) + MARGIN_MILLISECONDS);
  return await find(envelope?.delivery.id ?? id, { logs, since, until });
}

/** A log that cannot be read is said in the place of the journey: the rest of the page is worth as much. */
async function find(wanted: string, span: Span): Promise<Found> {
  try {
    return { journey: await findJourney(wanted, span) };
  } catch (error) {
    return { trouble: why(error) };
  }
}
