import type { Identity } from "#shared/envelope.ts";
import { Permanent, Retryable } from "#shared/errors.ts";
import { type GiteaTools, isSame, type User } from "#shared/gitea.ts";
import { shellWord } from "#shared/shell-word.ts";
import type { Candidate } from "./find-account.ts";

/** @throws Permanent `person.protected` when one of a person's names is on the list */
export async function refuseProtected(names: string[], { settings }: Pick<GiteaTools, "settings">): Promise<void> {
  const hit = names.find((name) => settings.PROTECTED_USERS.some((isProtected) => isSame(isProtected, name)));
  if (hit) throw new Permanent("person.protected", `${hit} is in PROTECTED_USERS: hubforge never touches that account`);
}

/** @throws Permanent `person.protected` for the account that hubforge itself works with, which is a site admin's */
export async function refuseService(user: User, { gitea, once }: Pick<GiteaTools, "gitea" | "once">): Promise<void> {
  if (!user.is_admin) return;
  const service = await once("service account", () => gitea.users.whoAmI());
  if (user.id !== service.id) return;
  throw new Permanent("person.protected", `${user.login} is hubforge's own account: it is never touched`);
}

/**
 * "Who is who" (README.md): an account is this person's by its link and its mark, or it is left alone.
 * @throws Permanent `account.taken`, `account.unproven`; Retryable `identity.other-id`
 */
export async function refuseForeign(
  candidate: Candidate,
  identity: Identity,
  { gitea, settings }: Pick<GiteaTools, "gitea" | "settings">,
): Promise<void> {
  const { user, isByMark, recordedId } = candidate;
  if (user.source_id !== settings.GITEA_AUTH_SOURCE_ID) throw taken(user, await whoseItIs(user, gitea));
  if (isByMark) return;
  if (!identity.logins.some((login) => isSame(login, user.login_name))) {
    throw taken(user, `it signs in as "${user.login_name}"`);
  }
  if (recordedId !== undefined) {
    const now = `account ${user.login} belongs to directory id ${recordedId}, but ${identity.username} is now ${identity.directoryId}`;
    const choice = `another human with a re-used name, a rebuilt directory (hubforge sync --rebind), or this one person made anew (hubforge accounts rebind ${shellWord(identity.username)})`;
    throw new Retryable("identity.other-id", `${now}: ${choice}`);
  }
  refuseUnproven(user, identity);
}

async function whoseItIs(user: User, gitea: GiteaTools["gitea"]): Promise<string> {
  if (user.source_id !== 0) return `it belongs to authentication source ${user.source_id}`;
  return (await gitea.organisations.isThere(user.login)) ? "an organisation has that name" : "it is a local account";
}

function refuseUnproven(user: User, { username, createdAt }: Identity): void {
  if (!createdAt || Date.parse(user.created) >= Date.parse(createdAt)) return;
  const ages = `older (${user.created}) than the directory entry of ${username} (${createdAt})`;
  throw new Permanent(
    "account.unproven",
    `account ${user.login} is ${ages}: its first owner may have been somebody else. If it is theirs: hubforge accounts link ${shellWord(username)}`,
  );
}

function taken(user: User, why: string): Permanent {
  const advice = `If it is theirs, link it on purpose: hubforge accounts link ${shellWord(user.login)}`;
  return new Permanent("account.taken", `Gitea account ${user.login} is somebody else's: ${why}. ${advice}`);
}
