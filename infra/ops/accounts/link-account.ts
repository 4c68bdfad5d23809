import type { Identity, Team } from "#shared/envelope.ts";
import type { User } from "#shared/gitea.ts";
import { ensureOwnTeam } from "../../../functions/team/ensure-own-team.ts";
import type { Outside } from "../outside.ts";
import type { LinkPlan } from "./plan-link.ts";

/**
 * Links the account and writes down, as the mark of its own team, whose it is: from then on the account stage knows it.
 * The link first: cut short between the two, the same command finishes.
 */
export async function linkAccount(plan: LinkPlan, tools: Outside): Promise<void> {
  const { gitea, settings, once } = tools;
  // Written even where it says so already: an account of a stranger's making may still ask for a new password (rule 10 of shared/gitea/README.md).
  await gitea.users.change(plan.account.login, plan.link);
  await once("organisation", () => gitea.organisations.ensure(settings.GITEA_ORG));
  await markAccount(plan, tools);
}

export type MarkedAccount = { account: User; teams: Team[]; identity: Identity };

/** @throws Permanent `team.taken` when a team of their own team's name is somebody else's */
export async function markAccount({ account, teams, identity }: MarkedAccount, tools: Outside): Promise<void> {
  const theirs = { giteaUserId: account.id, username: account.login, isSiteAdmin: account.is_admin, teams };
  await ensureOwnTeam({ account: theirs, identity, formerId: undefined }, tools);
}
