import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { settingNames } from "#shared/config.ts";
import type { LogLine } from "#shared/log.ts";
import type { Parameters } from "../template.ts";

/** Beside the local stack's own state in its run folder: what this command needs to reach it. */
export const OPS_FILE = "ops.json";
export const LOG_FILE = "log.jsonl";

type RunningStack = {
  url: string;
  lines: readonly LogLine[];
  onLine(listener: (line: LogLine) => void): () => void;
  /** What functions that run elsewhere than in this process are told, and what they were deployed as. */
  deployed?: { environment: Readonly<Record<string, string>>; stage: string; parameters: Parameters };
};

const SECTIONS = ["webhooks", "gitea", "templates", "directory", "retries", "sync"] as const;
const BESIDE_SETTINGS = /^(QUEUE_URL_|AWS_(ENDPOINT_URL|REGION|ACCESS_KEY_ID|SECRET_ACCESS_KEY)$|MAX_RECEIVE_COUNT$)/;

/**
 * Lets `hubforge` find a local stack that runs in this process: the settings that its functions see, for this user's eyes
 * only, and from now on every line that they log. Both go with the run folder. The result ends the log.
 */
export function publishStack(runFolder: string, stack: RunningStack, environment = process.env): () => void {
  const names = new Set<string>(SECTIONS.flatMap((section) => settingNames(section)));
  const { url, deployed } = stack;
  const seen = Object.entries({ ...environment, ...deployed?.environment }).filter(
    ([name]) => names.has(name) || BESIDE_SETTINGS.test(name),
  );
  const state = JSON.stringify({
    url,
    environment: Object.fromEntries(seen),
    ...(deployed && { deployment: { stage: deployed.stage }, parameters: deployed.parameters }),
  });
  writeFileSync(join(runFolder, OPS_FILE), state, { mode: 0o600 });
  const log = join(runFolder, LOG_FILE);
  const write = (line: LogLine) => appendFileSync(log, `${JSON.stringify(line)}\n`, { mode: 0o600 });
  appendFileSync(log, "", { mode: 0o600 });
  for (const line of stack.lines) write(line);
  return stack.onLine(write);
}
