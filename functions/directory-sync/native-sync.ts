import type { Settings } from "#shared/config.ts";
import { Permanent, Retryable } from "#shared/errors.ts";
import type { GiteaLists } from "#shared/gitea/account-list.ts";

/** How often Gitea's own LDAP sync has run since Gitea started, or why that cannot be told. */
export type NativeSync = { runs: number } | { trouble: string };

/** It is only for a warning: whatever is wrong with that one list costs nobody the run. */
export async function readNativeSync(lists: GiteaLists): Promise<NativeSync> {
  try {
    return { runs: await lists.nativeSyncRuns() };
  } catch (error) {
    if (error instanceof Permanent || error instanceof Retryable) return { trouble: error.message };
    throw error;
  }
}

/**
 * What to tell about it; undefined where there is nothing. Gitea runs that task at midnight by default and does nothing for a
 * source whose own switch is off, which its API does not show: so the task itself is what has to go for the warning to go.
 */
export function whatRunsBeside(
  sync: NativeSync,
  { GITEA_NATIVE_SYNC }: Pick<Settings<"gitea">, "GITEA_NATIVE_SYNC">,
): string | undefined {
  if (GITEA_NATIVE_SYNC) return undefined;
  if ("trouble" in sync) return `whether Gitea's own LDAP sync runs beside hubforge's cannot be told: ${sync.trouble}`;
  if (sync.runs === 0) return undefined;
  const what = `Gitea's task sync_external_users has run ${sync.runs} times since Gitea started`;
  return `${what}: where the LDAP source's own synchronisation is on, two writers undo each other. ${NATIVE_SYNC_ADVICE}`;
}

export const NATIVE_SYNC_ADVICE =
  "switch the source's off and the task too ([cron.sync_external_users] ENABLED = false, then restart Gitea), or set GITEA_NATIVE_SYNC=true";
