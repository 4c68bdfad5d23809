import type { Account } from "#shared/gitea/account-list.ts";
import { accountName } from "#shared/names.ts";
import type { SyncSettings } from "./settings.ts";

type Names = { username?: string; logins?: readonly string[] };

/** Site admins and PROTECTED_USERS, by any name of the person or of the account: the sync plans nothing for them. */
export function createProtection(settings: SyncSettings): (person: Names, account?: Account) => boolean {
  const names = new Set(settings.PROTECTED_USERS.map((name) => name.toLowerCase()));
  return ({ username, logins = [] }, account) => {
    if (account?.is_admin) return true;
    if (names.size === 0) return false;
    const mapped = username === undefined ? undefined : nameOf(username);
    const all = [...logins, ...(mapped ? [mapped] : []), ...(account ? [account.login, account.login_name] : [])];
    return all.some((name) => names.has(name.toLowerCase()));
  };
}

/** A name that cannot be mapped is told elsewhere. */
function nameOf(username: string): string | undefined {
  try {
    return accountName(username);
  } catch {
    return undefined;
  }
}
