import { SettingsError } from "#shared/config.ts";
import { Permanent, Retryable } from "#shared/errors.ts";
import { log } from "#shared/log.ts";
import { countRemovals } from "./decide.ts";
import type { Progress, SyncRun } from "./run-sync.ts";

/** A thousand broken entries are a thousand lines every five minutes; the rest is in `hubforge sync --dry-run`. */
const CONFLICTS_TOLD = 50;

/** What a run found and did, a line each. */
export function logRun(run: SyncRun, milliseconds: number, giteaRequests: number): void {
  const { plan, guards, hash, rebindHash, isTaking, world, nativeSyncRuns } = run;
  for (const { code, dn, reason } of plan.conflicts.slice(0, CONFLICTS_TOLD)) {
    log("sync.conflict-reported", { code, dn, reason });
  }
  if (nativeSyncRuns > 0 && !world.settings.GITEA_NATIVE_SYNC) {
    const what = `Gitea's own LDAP sync has run ${nativeSyncRuns} times beside hubforge's: two writers undo each other`;
    const advice = "switch it off on the source ([cron.sync_external_users]), or set GITEA_NATIVE_SYNC=true";
    log("sync.noticed", { code: "gitea.native-sync", reason: `${what}; ${advice}` });
  }
  const rebuilt = guards.find(({ code }) => code === "directory.rebuilt");
  if (rebuilt && rebindHash && !isTaking) {
    const advice = `if they are the same humans: hubforge sync --rebind ${rebindHash}`;
    log("sync.rebuilt", { code: rebuilt.code, hash: rebindHash, reason: `${rebuilt.reason}; ${advice}` });
  }
  if (guards.length > 0 && !isTaking) {
    const isConfirmable = guards.every((guard) => guard.isConfirmable) && countRemovals(plan) > 0;
    const reason = guards.map((guard) => `${guard.code}: ${guard.reason}`).join("; ");
    const advice = isConfirmable ? `; if it is right: hubforge sync --confirm ${hash}` : "";
    log("sync.held-back", { hash, reason: `${reason}${advice}`, counts: { heldBack: countRemovals(plan) } });
  }
  log("sync.finished", { counts: countsOf(run), milliseconds, giteaRequests });
}

export function countsOf({ plan, world, isTaking, sent }: SyncRun): Record<string, number> {
  const { directory, gitea } = world;
  const isNew = ({ changes }: (typeof plan.refreshes)[number]) => changes.some(({ what }) => what === "account");
  return {
    people: directory.people.length,
    groups: directory.groups.length,
    accounts: gitea.accounts.length,
    known: plan.knownCount,
    created: plan.refreshes.filter(isNew).length,
    updated: plan.refreshes.filter((refresh) => !isNew(refresh) && refresh.changes.length > 0).length,
    left: isTaking ? plan.refreshes.filter(({ leave }) => leave.length > 0).length : 0,
    departed: isTaking ? plan.departures.length : 0,
    heldBack: isTaking ? 0 : countRemovals(plan),
    conflicts: plan.conflicts.length,
    unresolvedMembers: directory.unresolvedMembers,
    sent,
  };
}

/** A run that did not come to its end says how far it came. */
export function logIncomplete(error: unknown, progress: Progress, milliseconds: number): void {
  const code = codeOf(error);
  const reason = error instanceof Error ? error.message : String(error);
  log("sync.incomplete", { code, reason, counts: { ...progress }, milliseconds });
}

function codeOf(error: unknown): string {
  if (error instanceof Permanent || error instanceof Retryable) return error.code;
  return error instanceof SettingsError ? "settings.wrong" : "sync.unexpected";
}
