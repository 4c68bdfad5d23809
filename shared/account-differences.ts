import type { Identity } from "./envelope.ts";
import { isSame } from "./gitea/is-same.ts";

/** What of an account the directory decides. */
type Account = { login_name: string; full_name: string; email: string };
type Names = Pick<Identity, "username" | "logins" | "email" | "emails">;

/** What was typed at the first sign-in stays, in whatever case, as long as it is still one of their names. */
export function loginNameOf(
  account: Pick<Account, "login_name">,
  identity: Pick<Names, "username" | "logins">,
): string {
  const isTheirs = identity.logins.some((login) => isSame(login, account.login_name));
  return isTheirs ? account.login_name : identity.username;
}

/** Any of their addresses will do. Gitea stores a new one as sent, a changed one in lower case (rule 13 of gitea/README.md). */
export function isMailed(account: Pick<Account, "email">, identity: Pick<Names, "email" | "emails">): boolean {
  return [identity.email, ...(identity.emails ?? [])].some((address) => isSame(address, account.email));
}
