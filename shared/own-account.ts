import type { Settings } from "./config.ts";
import { accountName } from "./names.ts";

/**
 * The name of a new account for `username`; never our organisation's: people and organisations share one name space, and
 * whoever came before the organisation is made would keep everybody out.
 * @throws Permanent `name.unmappable`
 */
export function ownAccountName(username: string, settings: Pick<Settings<"gitea">, "GITEA_ORG">): string {
  return accountName(username, [settings.GITEA_ORG]);
}
