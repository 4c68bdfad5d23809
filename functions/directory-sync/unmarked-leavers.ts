import { foldName } from "#shared/names.ts";
import type { Matches } from "./match-accounts.ts";
import type { Conflict, World } from "./plan.ts";
import { createProtection } from "./protection.ts";

/** A platform's years of old accounts are one line. */
const NAMED = 20;

/**
 * Accounts of our source without a mark, whose login name is nobody's in the directory who may come in: not ours to let go,
 * so they are told, in one line. A read that proves nothing tells nothing.
 */
export function unmarkedLeavers({ directory, gitea, settings }: World, { byAccount }: Matches): Conflict[] {
  if (directory.people.length === 0 || directory.anomalies.length > 0) return [];
  const isProtected = createProtection(settings);
  const unmarked = gitea.accounts.filter(
    (account) =>
      account.source_id === settings.GITEA_AUTH_SOURCE_ID &&
      !account.prohibit_login &&
      !byAccount.has(account.id) &&
      !isProtected({}, { ...account, is_admin: false }),
  );
  if (unmarked.length === 0) return [];
  const present = [...directory.people.filter(({ gone }) => !gone), ...directory.broken];
  const logins = new Set(present.flatMap((one) => one.logins.map(foldName)));
  const left = unmarked.filter((account) => !logins.has(foldName(account.login_name)));
  if (left.length === 0) return [];
  const names = left.map(({ login }) => login).toSorted();
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
  const who = `${names.slice(0, NAMED).join(", ")}${more}`;
  const reason = `accounts of the LDAP source without hubforge's mark, whose people the directory does not let in any more: ${who}; an admin decides`;
  return [{ code: "leaver.unmarked", reason }];
}
