import type { Identity } from "#shared/envelope.ts";
import { type Permanent, Retryable } from "#shared/errors.ts";
import type { GiteaTools, User } from "#shared/gitea.ts";
import { ownAccountName } from "#shared/own-account.ts";

type Created = { created: User } | { refusal: Permanent | Retryable };

/** A new account, linked: the person signs in with their LDAP password from the first moment. */
export async function createAccount(identity: Identity, { gitea, settings }: GiteaTools): Promise<Created> {
  return await gitea.users.create({
    username: ownAccountName(identity.username, settings),
    login_name: identity.username,
    source_id: settings.GITEA_AUTH_SOURCE_ID,
    full_name: identity.fullName,
    email: identity.email,
  });
}

/** What a refusal means when no account of that name is there: the mail is somebody's, or what we sent is wrong. */
export async function whyRefused(
  refusal: Permanent | Retryable,
  { email, username }: Identity,
  { gitea }: GiteaTools,
): Promise<Permanent | Retryable> {
  if (refusal instanceof Retryable) return refusal;
  const holder = await gitea.users.holderOfMail(email);
  if (holder === undefined) return refusal;
  const what = `account ${holder} has ${email}, the address of ${username}`;
  return new Retryable("account.mail-in-use", `${what}: the next directory sync frees it if it is theirs no more`, {
    cause: refusal,
    ...(refusal.request ? { request: refusal.request } : {}),
  });
}
