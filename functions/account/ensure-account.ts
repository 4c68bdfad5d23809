import type { Envelope, Identity, Kept, Team } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import type { GiteaTools, User } from "#shared/gitea.ts";
import { ownAccountName } from "#shared/own-account.ts";
import type { Ensured } from "#shared/stage.ts";
import { block, unblock } from "./block-account.ts";
import { createAccount, whyRefused } from "./create-account.ts";
import { type Candidate, findAccount, findMarkedAccount } from "./find-account.ts";
import { refuseForeign, refuseProtected, refuseService } from "./refuse-account.ts";
import { updateAccount } from "./update-account.ts";

/**
 * The person's Gitea account exists, is linked to the LDAP source, has their name and mail, and may sign in, or, for a
 * leaver, may not. Who an account belongs to is decided by the tables of README.md, never by its name alone.
 */
export async function ensureAccount(envelope: Envelope, tools: GiteaTools): Promise<Ensured> {
  const { freesMail = false, identity, keeps = [], rebind, route } = envelope;
  if (route === "depart") return await departAccount(envelope, tools);
  if (!identity) throw new Permanent("envelope.invalid", "the account stage needs an identity");
  await refuseProtected([...identity.logins, ownAccountName(identity.username, tools.settings)], tools);

  const candidate = await findAccount(identity, rebind?.from, tools);
  if (candidate) return await keepAccount(candidate, identity, { route, freesMail, keeps, tools });
  const answer = await createAccount(identity, tools);
  if ("created" in answer) return ensured("created", answer.created, []);
  // Somebody may have been quicker: the person's own first sign-in, or a twin of this message whose answer was lost.
  const appeared = await findAccount(identity, rebind?.from, tools);
  if (!appeared) throw await whyRefused(answer.refusal, identity, tools);
  return await keepAccount(appeared, identity, { route, freesMail, keeps, tools });
}

async function keepAccount(
  candidate: Candidate,
  identity: Identity,
  {
    route,
    freesMail,
    keeps,
    tools,
  }: { route: Envelope["route"]; freesMail: boolean; keeps: Kept[]; tools: GiteaTools },
): Promise<Ensured> {
  const { user, teams } = candidate;
  await refuseProtected([user.login], tools);
  await refuseService(user, tools);
  await refuseForeign(candidate, identity, tools);
  const wasUnblocked = await unblock(candidate, route, tools);
  const { isChanged, details } = await updateAccount(candidate, identity, { tools, freesMail, keeps });
  return ensured(wasUnblocked || isChanged ? "updated" : "unchanged", user, teams, details);
}

/** A leaver's account is found by its mark alone: other accounts are not ours to let go. */
async function departAccount({ directoryId }: Envelope, tools: GiteaTools): Promise<Ensured> {
  if (!directoryId) throw new Permanent("envelope.invalid", "nobody departs without a directory id");
  const candidate = await findMarkedAccount(directoryId, tools);
  if (!candidate) return { outcome: "unchanged" };
  await refuseProtected([candidate.user.login], tools);
  await refuseService(candidate.user, tools);
  const wasBlocked = await block(candidate, tools);
  return ensured(wasBlocked ? "updated" : "unchanged", candidate.user, candidate.teams);
}

function ensured(outcome: Ensured["outcome"], user: User, teams: Team[], details: Ensured["details"] = {}): Ensured {
  const account = { giteaUserId: user.id, username: user.login, isSiteAdmin: user.is_admin, teams };
  return { outcome, learned: { account }, details: { account: user.login, ...details } };
}
