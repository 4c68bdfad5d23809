import { SettingsError } from "#shared/config.ts";
import { Permanent, Retryable } from "#shared/errors.ts";
import { log } from "#shared/log.ts";
import { why } from "#shared/why.ts";
import { allowedPart, countHeld } from "./held.ts";
import { whatRunsBeside } from "./native-sync.ts";
import type { Progress, SyncRun } from "./run-sync.ts";

/** A thousand broken entries are a thousand lines every five minutes; the rest is in `hubforge sync --dry-run`. */
const CONFLICTS_TOLD = 50;

/** What a run found and did, a line each; of one that was only asked what it would do, or refused to do it, one line. */
export function logRun(run: SyncRun, milliseconds: number, giteaRequests: number): void {
  const { hash, refusal } = run;
  const figures = { counts: countsOf(run), milliseconds, giteaRequests };
  if (refusal !== undefined) {
    log("sync.refused", { code: "consent.refused", reason: refusal, hash, ...figures });
  } else if (run.isDryRun) {
    log("sync.planned", { hash, ...figures });
  } else {
    logFindings(run);
    log("sync.finished", figures);
  }
}

const isIdle = ({ refusal, isDryRun }: SyncRun) => isDryRun || refusal !== undefined;

function logFindings(run: SyncRun): void {
  const { plan, guards, hash, advice, isTaking, world, nativeSync } = run;
  for (const { code, dn, reason } of plan.conflicts.slice(0, CONFLICTS_TOLD)) {
    log("sync.conflict-reported", { code, ...(dn !== undefined && { dn }), reason });
  }
  const beside = whatRunsBeside(nativeSync, world.settings);
  if (beside !== undefined) log("sync.noticed", { code: "gitea.native-sync", reason: beside });
  const rebuilt = guards.find(({ code }) => code === "directory.rebuilt");
  if (rebuilt && advice.rebind) {
    const text = `if they are the same humans: hubforge sync --rebind ${advice.rebind}`;
    log("sync.rebuilt", { code: rebuilt.code, hash: advice.rebind, reason: `${rebuilt.reason}; ${text}` });
  }
  if (guards.length > 0 && !isTaking) {
    const reason = guards.map((guard) => `${guard.code}: ${guard.reason}`).join("; ");
    const text = advice.confirm ? `; if it is right: hubforge sync --confirm ${advice.confirm}` : "";
    log("sync.held-back", { hash, reason: `${reason}${text}`, counts: { heldBack: countHeld(plan, run) } });
  }
}

/** How many of what; under names that say so where nothing of it was done. */
export function countsOf(run: SyncRun): Record<string, number> {
  const { plan, world, isTaking, sent } = run;
  const { directory, gitea } = world;
  const isNew = ({ changes }: (typeof plan.refreshes)[number]) => changes.some(({ what }) => what === "account");
  const refreshes = plan.refreshes.flatMap((refresh) => allowedPart(refresh, run) ?? []);
  const created = refreshes.filter(isNew).length;
  const updated = refreshes.filter((refresh) => !isNew(refresh) && refresh.changes.length > 0).length;
  const left = refreshes.filter(({ leave }) => leave.length > 0).length;
  const departed = isTaking ? plan.departures.length : 0;
  return {
    people: directory.people.length,
    groups: directory.groups.length,
    accounts: gitea.accounts.length,
    known: plan.knownCount,
    ...(isIdle(run)
      ? { toCreate: created, toUpdate: updated, toLeave: left, toDepart: departed }
      : { created, updated, left, departed }),
    heldBack: countHeld(plan, run),
    conflicts: plan.conflicts.length,
    unresolvedMembers: directory.unresolvedMembers,
    sent,
  };
}

/** A run that did not come to its end says how far it came. */
export function logIncomplete(error: unknown, progress: Progress, milliseconds: number): void {
  const code = codeOf(error);
  const reason = why(error);
  log("sync.incomplete", { code, reason, counts: { ...progress }, milliseconds });
}

function codeOf(error: unknown): string {
  if (error instanceof Permanent || error instanceof Retryable) return error.code;
  return error instanceof SettingsError ? "settings.wrong" : "sync.unexpected";
}
