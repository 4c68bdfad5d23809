import type { LogLine } from "#shared/log.ts";

/** What the directory sync says, for people; undefined for every other line. A run that changed nothing says so once. */
export function syncText(line: LogLine): string | undefined {
  const { code, counts = {}, event, milliseconds, reason } = line;
  if (event === "sync.finished") return `  ✔ sync         ${finished(counts)} (${milliseconds} ms)`;
  if (event === "sync.planned") return `  ✔ sync         only planned: ${finished(counts)} (${milliseconds} ms)`;
  if (event === "sync.incomplete") return `  ✘ sync         did not come to its end: ${code}: ${reason}`;
  return event.startsWith("sync.") ? `  ! sync         ${[code, reason].filter(Boolean).join(": ")}` : undefined;
}

/** What a run's counts hold beside what it changes, or could not: the rest is told by its own name. */
const READ_OR_SENT = new Set(["people", "groups", "accounts", "known", "unresolvedMembers", "sent"]);

function finished(counts: Readonly<Record<string, number>>): string {
  const changes = Object.entries(counts).flatMap(([what, count]) =>
    count === 0 || READ_OR_SENT.has(what) ? [] : `${count} ${what}`,
  );
  const read = `${counts["people"]} people, ${counts["groups"]} groups, ${counts["accounts"]} accounts`;
  return `${read}: ${changes.length > 0 ? changes.join(", ") : "nothing to do"}`;
}
