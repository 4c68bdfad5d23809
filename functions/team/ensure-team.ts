import type { Envelope } from "#shared/envelope.ts";
import { Permanent, Retryable } from "#shared/errors.ts";
import type { GiteaTools } from "#shared/gitea.ts";
import type { Ensured } from "#shared/stage.ts";
import { ensureOwnTeam } from "./ensure-own-team.ts";
import { joinTeams } from "./join-teams.ts";
import { leaveTeams } from "./leave-teams.ts";

/**
 * The organisation exists; the person's own team exists, marked, writing, and holding the person; they are in the group
 * teams and the admins team that the directory grants, and out of those that the sync's plan names and the directory, read
 * afresh, no longer grants.
 */
export async function ensureTeam(envelope: Envelope, tools: GiteaTools): Promise<Ensured> {
  const { account, leave, route } = envelope;
  if (route === "depart") {
    const hasLeft = account !== undefined && (await leaveTeams(leave, account, undefined, tools));
    return { outcome: hasLeft ? "updated" : "unchanged" };
  }
  const { gitea, settings, once } = tools;
  await once("organisation", () => gitea.organisations.ensure(settings.GITEA_ORG));
  try {
    return await ensureMember(envelope, tools);
  } catch (error) {
    // Deleted since this environment looked: without this it would find nothing amiss for as long as it lives.
    if (error instanceof Retryable && error.code === "organisation.gone") once.forget("organisation");
    throw error;
  }
}

async function ensureMember(envelope: Envelope, tools: GiteaTools): Promise<Ensured> {
  const { account, identity, leave, rebind } = envelope;
  if (!account || !identity) throw new Permanent("envelope.invalid", "the team stage needs an account and an identity");
  const own = await ensureOwnTeam({ account, identity, formerId: rebind?.from }, tools);
  const hasJoined = await joinTeams(account, identity, tools);
  const hasLeft = await leaveTeams(leave, account, identity, tools);
  return {
    outcome: own.outcome === "unchanged" && (hasJoined || hasLeft) ? "updated" : own.outcome,
    learned: { team: { id: own.team.id, name: own.team.name } },
    details: { account: account.username },
  };
}
