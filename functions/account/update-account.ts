import type { Identity } from "#shared/envelope.ts";
import { type GiteaTools, isSame, type User } from "#shared/gitea.ts";
import type { Ensured } from "#shared/stage.ts";

type Updated = { isChanged: boolean; details?: Pick<NonNullable<Ensured["details"]>, "mailConflict"> };

/**
 * Link, full name and mail are as the directory has them. Site admins are never changed. The mail goes last and alone:
 * PATCH is not atomic, and a refused mail must not take the name with it (reference rule 11).
 */
export async function updateAccount(user: User, identity: Identity, { gitea, settings }: GiteaTools): Promise<Updated> {
  if (user.is_admin) return { isChanged: false };
  const link = { login_name: loginName(user, identity), source_id: settings.GITEA_AUTH_SOURCE_ID };
  const isLinked = user.login_name === link.login_name;
  const isOurs = !settings.GITEA_NATIVE_SYNC; // else Gitea's own sync writes names and mails (DESIGN §5)
  const isNamed = !isOurs || user.full_name === identity.fullName;
  if (!isLinked || !isNamed) {
    await gitea.users.change(user.login, { ...link, ...(isNamed ? {} : { full_name: identity.fullName }) });
  }
  // Gitea stores a created mail as sent and a changed one in lower case: only the letters count (rule 13).
  if (!isOurs || isSame(user.email, identity.email)) return { isChanged: !isLinked || !isNamed };
  const isMailed = await gitea.users.change(user.login, { ...link, email: identity.email });
  return { isChanged: true, ...(isMailed ? {} : { details: { mailConflict: true } }) };
}

/** What was typed at the first sign-in stays, in whatever case, as long as it is still one of their names. */
function loginName(user: User, identity: Identity): string {
  return identity.logins.some((login) => isSame(login, user.login_name)) ? user.login_name : identity.username;
}
