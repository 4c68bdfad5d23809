import type { Person } from "#shared/directory.ts";
import type { Kept } from "#shared/envelope.ts";
import type { Account } from "#shared/gitea/account-list.ts";
import { isSame } from "#shared/gitea/is-same.ts";
import type { World } from "./plan.ts";

/**
 * Lost rights on an attribute read like an attribute that nobody has (shared/directory/README.md §7). How many accounts of
 * the LDAP source have an address, or a name, of their own while nobody in the directory has one; 0 where all is well.
 */
export function hiddenOf(world: World): Record<Kept, number> {
  const { directory } = world;
  const isEmpty = directory.people.length === 0;
  const isMailShown = isEmpty || directory.people.some(hasMail);
  const linked = linkedAccounts(world);
  return {
    mail: isMailShown ? 0 : linked.filter(({ email }) => isReal(email)).length,
    name: isEmpty || directory.hasNames ? 0 : linked.filter(hasName).length,
  };
}

/** All that Gitea has of the LDAP source. */
export const linkedAccounts = ({ gitea, settings }: World) =>
  gitea.accounts.filter(({ source_id }) => source_id === settings.GITEA_AUTH_SOURCE_ID);

export const hasMail = ({ emails = [] }: Person) => emails.length > 0;

/** Not a placeholder: ours, or Gitea's own sync's. */
export const isReal = (email: string) => !/@(hubforge\.invalid|localhost\.local)$/i.test(email);
const hasName = ({ full_name, login, login_name }: Account) =>
  full_name !== "" && !isSame(full_name, login) && !isSame(full_name, login_name);

/** What the account stage shall leave as it is, too, when it meets an account on the sync's behalf. */
export function keptOf(world: World): ReadonlySet<Kept> {
  const { GITEA_NATIVE_SYNC, SYNC_UPDATE_EXISTING } = world.settings;
  if (GITEA_NATIVE_SYNC || !SYNC_UPDATE_EXISTING) return new Set<Kept>(["name", "mail"]);
  const hidden = hiddenOf(world);
  return new Set((["name", "mail"] as const).filter((what) => hidden[what] > 0));
}
