import * as z from "zod";
import { withoutMetrics } from "#shared/metrics.ts";
import { foldName } from "#shared/names.ts";

/** What a function logged (shared/log.ts), as far as it is read here; what else a line holds is kept. */
export const LogLine = z.looseObject({
  time: z.string(),
  level: z.string(),
  event: z.string(),
  delivery: z.string().optional(),
  hub: z.string().optional(),
  person: z.string().optional(),
  stage: z.string().optional(),
  route: z.string().optional(),
  replay: z.number().optional(),
  outcome: z.string().optional(),
  code: z.string().optional(),
  reason: z.string().optional(),
  attempt: z.number().optional(),
  retryInSeconds: z.number().optional(),
  milliseconds: z.number().optional(),
  giteaRequests: z.number().optional(),
  giteaWrites: z.number().optional(),
  account: z.string().optional(),
  repository: z.string().optional(),
  commit: z.string().optional(),
  failureId: z.string().optional(),
  notices: z.array(z.string()).optional(),
});
export type LogLine = z.infer<typeof LogLine>;

/** What a line is looked for by. */
export type Sought = "delivery" | "failureId" | "person";

/** Names in any case, as everywhere; ids as they are. */
export function isAbout(line: LogLine, field: Sought, value: string): boolean {
  const found = line[field];
  if (found === undefined) return false;
  return field === "person" ? foldName(found) === foldName(value) : found === value;
}

/** Where a function is deployed, its lines count (shared/metrics.ts); what that adds to them is nothing to read. */
const DeployedLine = LogLine.extend({
  _aws: z
    .object({ CloudWatchMetrics: z.array(z.object({ Metrics: z.array(z.object({ Name: z.string() })) })) })
    .optional()
    .catch(undefined),
});

/** Undefined for whatever else is in a log: the platform's own lines, a line cut short. */
export function parseLogLine(text: string): LogLine | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return LogLine.parse(withoutMetrics(DeployedLine.parse(JSON.parse(text))));
  } catch {
    return undefined;
  }
}
