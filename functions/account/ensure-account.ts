import type { Envelope, Identity, Team } from "#shared/envelope.ts";
import { Permanent, Retryable } from "#shared/errors.ts";
import { type GiteaTools, isSame, type User } from "#shared/gitea.ts";
import { markedDirectoryId } from "#shared/marks.ts";
import { accountName, teamName } from "#shared/names.ts";
import type { Ensured } from "#shared/stage.ts";
import { block, unblock } from "./block-account.ts";
import { type Candidate, findAccount, findMarkedAccount } from "./find-account.ts";
import { updateAccount } from "./update-account.ts";

/**
 * The person's Gitea account exists, is linked to the LDAP source, has their name and mail, and may sign in, or, for a
 * leaver, may not. Who an account belongs to is decided by the tables of DESIGN §4, never by its name alone.
 */
export async function ensureAccount(envelope: Envelope, tools: GiteaTools): Promise<Ensured> {
  const { identity } = envelope;
  if (!identity) return await departAccount(envelope, tools);
  await refuseProtected(identity.logins.concat(accountName(identity.username)), tools);

  const candidate = await findAccount(identity, envelope.rebind?.from, tools);
  if (!candidate) return await createAccount(identity, tools);
  await refuseService(candidate.user, tools);
  await refuseForeign(candidate, identity, tools);
  const wasUnblocked = await unblock(candidate, envelope.route, tools);
  const updated = await updateAccount(candidate.user, identity, tools);
  return {
    outcome: wasUnblocked || updated.isChanged ? "updated" : "unchanged",
    learned: { account: accountOf(candidate.user, candidate.teams) },
    details: { account: candidate.user.login, ...updated.details },
  };
}

/** A leaver's account is found by its mark alone: other accounts are not ours to let go. */
async function departAccount(envelope: Envelope, tools: GiteaTools): Promise<Ensured> {
  const candidate = envelope.directoryId ? await findMarkedAccount(envelope.directoryId, tools) : undefined;
  if (!candidate) return { outcome: "unchanged" };
  await refuseProtected([candidate.user.login], tools);
  await refuseService(candidate.user, tools);
  const wasBlocked = await block(candidate, tools);
  return {
    outcome: wasBlocked ? "updated" : "unchanged",
    learned: { account: accountOf(candidate.user, candidate.teams) },
    details: { account: candidate.user.login },
  };
}

async function createAccount(identity: Identity, { gitea, settings }: GiteaTools): Promise<Ensured> {
  const username = accountName(identity.username);
  const link = { login_name: identity.username, source_id: settings.GITEA_AUTH_SOURCE_ID };
  const answer = await gitea.users.create({ username, ...link, full_name: identity.fullName, email: identity.email });
  if ("created" in answer) {
    return { outcome: "created", learned: { account: accountOf(answer.created, []) }, details: { account: username } };
  }
  const { refusal, existing } = answer;
  if (existing) {
    // Somebody was quicker: the person's own first sign-in, a twin of this message, or another's account.
    throw new Retryable("account.appeared", `account ${username} appeared while it was made; it is read afresh`, {
      cause: refusal,
    });
  }
  if (refusal.request?.status === 422) {
    throw new Retryable(
      "account.mail-in-use",
      `${refusal.message}. If ${identity.email} belongs to another account, the next directory sync usually frees it`,
      {
        cause: refusal,
        request: refusal.request,
      },
    );
  }
  throw refusal;
}

function accountOf(user: User, teams: Team[]): NonNullable<Envelope["account"]> {
  return { giteaUserId: user.id, username: user.login, isSiteAdmin: user.is_admin, teams };
}

export async function refuseProtected(names: string[], { settings }: GiteaTools): Promise<void> {
  const hit = names.find((name) => settings.PROTECTED_USERS.some((isProtected) => isSame(isProtected, name)));
  if (hit) throw new Permanent("person.protected", `${hit} is in PROTECTED_USERS: hubforge never touches that account`);
}

export async function refuseService(user: User, { gitea, once }: GiteaTools): Promise<void> {
  const service = await once("service account", () => gitea.users.whoAmI());
  if (user.id === service.id) {
    throw new Permanent(
      "person.protected",
      `${user.login} is the account that hubforge itself works with; it is never touched`,
    );
  }
}

/** "Who is who" (DESIGN §4): an account is this person's by its link and its mark, or it is left alone. */
export async function refuseForeign(
  candidate: Candidate,
  identity: Identity,
  { gitea, settings }: GiteaTools,
): Promise<void> {
  const { user, isByMark, teams } = candidate;
  if (user.source_id === 0 && (await gitea.organisations.isThere(user.login)))
    throw taken(user, "an organisation has that name");
  if (user.source_id !== settings.GITEA_AUTH_SOURCE_ID) {
    throw taken(
      user,
      user.source_id === 0 ? "it is a local account" : `it belongs to authentication source ${user.source_id}`,
    );
  }
  if (isByMark) return;
  if (!identity.logins.some((login) => isSame(login, user.login_name)))
    throw taken(user, `it signs in as "${user.login_name}"`);

  const ownName = teamName(
    user.login,
    settings.GITEA_TEAM,
    Object.values(settings.GROUP_TEAMS).map(({ team }) => team),
  );
  const otherId = teams
    .filter((team) => isSame(team.name, ownName))
    .map(markedDirectoryId)
    .find((id) => id !== undefined);
  if (otherId !== undefined) {
    throw new Retryable(
      "identity.other-id",
      `account ${user.login} belongs to directory id ${otherId}, but ${identity.username} is now ${identity.directoryId}: a rebuilt directory (hubforge sync --rebind) or another human with a re-used name (hubforge accounts rebind ${identity.username})`,
    );
  }
  if (identity.createdAt && Date.parse(user.created) < Date.parse(identity.createdAt)) {
    throw new Permanent(
      "account.unproven",
      `account ${user.login} is older (${user.created}) than the directory entry of ${identity.username} (${identity.createdAt}): its first owner may have been somebody else. If it is theirs: hubforge accounts link ${identity.username}`,
    );
  }
}

function taken(user: User, why: string): Permanent {
  return new Permanent(
    "account.taken",
    `Gitea account ${user.login} is somebody else's: ${why}. If it is theirs, link it on purpose: hubforge accounts link ${user.login}`,
  );
}
