import { isMailed, loginNameOf } from "#shared/account-differences.ts";
import type { Identity, Kept } from "#shared/envelope.ts";
import type { GiteaTools } from "#shared/gitea.ts";
import { addressNobodyHas } from "#shared/placeholder-mail.ts";
import type { Ensured } from "#shared/stage.ts";
import type { Candidate } from "./find-account.ts";

type Updated = { isChanged: boolean; details?: Ensured["details"] };

/**
 * Link, full name and mail are as the directory has them. Site admins are never changed. The mail goes last and alone:
 * PATCH is not atomic, and a refused mail must not take the name with it (rule 11 of shared/gitea/README.md).
 * @param how `keeps` is what the sync leaves as it is
 * @throws Permanent `gitea.refused` for a name that Gitea does not take; a refused mail stops nobody
 */
export async function updateAccount(
  { user, recordedId }: Candidate,
  identity: Identity,
  { tools: { gitea, settings }, freesMail, keeps }: { tools: GiteaTools; freesMail: boolean; keeps: readonly Kept[] },
): Promise<Updated> {
  if (user.is_admin) return { isChanged: false };
  const link = { login_name: loginNameOf(user, identity), source_id: settings.GITEA_AUTH_SOURCE_ID };
  // Whoever made an account that we meet for the first time may have left it with a password to change. That locks its
  // owner out and is not shown (rule 10 there), so the link is written once, whatever it says.
  const isLinked = recordedId !== undefined && user.login_name === link.login_name;
  const isKept = (what: Kept) => settings.GITEA_NATIVE_SYNC || keeps.includes(what); // Gitea's own sync writes them
  const isNamed = isKept("name") || user.full_name === identity.fullName;
  const isRight = isLinked && isNamed;
  if (!isRight) await gitea.users.change(user.login, { ...link, ...(isNamed ? {} : { full_name: identity.fullName }) });
  if (isKept("mail") || isMailed(user, identity)) return { isChanged: !isRight };
  const refusal = await gitea.users.changeMail(user.login, { ...link, email: identity.email });
  if (refusal === undefined) return { isChanged: true };
  // Two people who exchange their addresses wait for each other until one of them lets go.
  if (freesMail) await gitea.users.changeMail(user.login, { ...link, email: addressNobodyHas(identity.username) });
  return { isChanged: !isRight || freesMail, details: { mailConflict: true, notices: [`the mail stays: ${refusal}`] } };
}
