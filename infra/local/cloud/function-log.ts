import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { askAws } from "#shared/aws-json.ts";
import type { LogLine } from "#shared/log.ts";

const LOOK_EVERY_MILLISECONDS = 300;
/** Lines of one invocation get their time when it ends, so they may appear behind later ones. */
const OVERLAP_MILLISECONDS = 15_000;

const Events = z.object({
  events: z
    .array(z.object({ timestamp: z.number(), logStreamName: z.string().default(""), message: z.string() }))
    .default([]),
  nextToken: z.string().nullish(),
});

export type FunctionLog = { stop(): Promise<void> };

/** Hands on every line that deployed functions log from now on, in the order of their times as far as they arrive together. */
export function followFunctionLog(groups: readonly string[], write: (line: LogLine) => void): FunctionLog {
  const stopping = new AbortController();
  const following = follow(groups, write, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await following;
    },
  };
}

async function follow(groups: readonly string[], write: (line: LogLine) => void, stopping: AbortSignal): Promise<void> {
  const seen = new Set<string>();
  const startedAt = Date.now();
  // Of each group the last look that was answered: an emulator that is busy for long must not cost the lines of that time.
  const lookedAt = new Map(groups.map((group) => [group, startedAt]));
  const look = async (group: string) => {
    const now = Date.now();
    const since = Math.max(startedAt, (lookedAt.get(group) ?? startedAt) - OVERLAP_MILLISECONDS);
    const found = await readSince(group, since);
    if (found) lookedAt.set(group, now);
    return found ?? [];
  };
  while (!stopping.aborted) {
    const found = await Promise.all(groups.map(look));
    const news = found.flat().filter(({ key }) => !seen.has(key));
    for (const { key } of news) seen.add(key);
    const lines = news.flatMap(({ message }) => lineIn(message) ?? []);
    for (const line of lines.toSorted((one, other) => one.time.localeCompare(other.time))) write(line);
    await sleep(LOOK_EVERY_MILLISECONDS, undefined, { signal: stopping }).catch(() => undefined);
  }
}

/** Undefined where it was not answered whole: no such group yet, or an emulator that is busy or on its way out. */
async function readSince(group: string, startTime: number): Promise<{ key: string; message: string }[] | undefined> {
  const found: { key: string; message: string }[] = [];
  let nextToken: string | undefined;
  do {
    const body = { logGroupName: group, startTime, ...(nextToken && { nextToken }) };
    const question = { service: "logs", target: "Logs_20140328.FilterLogEvents", body };
    const answer = await askAws(question).catch(() => undefined);
    if (answer === undefined) return undefined;
    const { events, nextToken: next } = Events.parse(answer);
    found.push(...events.map((one) => ({ key: `${one.logStreamName} ${one.message}`, message: one.message })));
    nextToken = next ?? undefined;
  } while (nextToken);
  return found;
}

const Line = z.looseObject({ time: z.string(), level: z.string(), event: z.string() });

function lineIn(message: string): LogLine | undefined {
  if (!message.startsWith("{")) return undefined; // the runtime's own: START, END, REPORT
  try {
    const parsed: unknown = JSON.parse(message);
    return isLine(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** It is what shared/log.ts wrote, in another process. */
function isLine(value: unknown): value is LogLine {
  return Line.safeParse(value).success;
}
