import { hash } from "node:crypto";
import { type Envelope, type Identity, SYNC_HUB } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import { isSame, type User } from "#shared/gitea.ts";
import { shellWord } from "#shared/shell-word.ts";
import { findAccount } from "../../../functions/account/find-account.ts";
import { refuseProtected, refuseService } from "../../../functions/account/refuse-account.ts";
import type { Outside } from "../outside.ts";

export type RebindPlan = {
  identity: Identity;
  account: User;
  /** The id that the account's team is marked with; equal to `to` when it has been done. */
  from: string;
  to: string;
};

/**
 * One person whose directory entry was made anew: the same human, a new id. A person decides that, because a re-used name
 * looks just the same.
 * @throws Permanent `rebind.*`, `person.protected`
 */
export async function planRebind(identity: Identity, tools: Outside): Promise<RebindPlan> {
  const { settings, directory, signal } = tools;
  const candidate = await findAccount(identity, undefined, tools);
  if (!candidate) {
    throw new Permanent("rebind.missing", `Gitea has no account of ${identity.username}'s: nothing to rebind`);
  }
  const { user: account, recordedId: from } = candidate;
  await refuseProtected([...identity.logins, account.login], tools);
  await refuseService(account, tools);
  const isTheirs =
    account.source_id === settings.GITEA_AUTH_SOURCE_ID &&
    identity.logins.some((login) => isSame(login, account.login_name));
  if (!isTheirs) {
    const advice = `if it is theirs: hubforge accounts link ${shellWord(identity.username)}`;
    throw new Permanent("rebind.foreign", `account ${account.login} is not linked to ${identity.username}: ${advice}`);
  }
  if (from === undefined) {
    throw new Permanent(
      "rebind.unmarked",
      `account ${account.login} is marked with no id: the next spawn decides, or hubforge accounts link ${shellWord(identity.username)}`,
    );
  }
  if (from !== identity.directoryId) {
    const former = await directory.lookUp({ by: "id", value: from }, signal);
    if (former.state === "present") {
      throw new Permanent(
        "rebind.two-humans",
        `directory id ${from} is still there (${former.identity.dn}): these are two people, not one`,
      );
    }
  }
  return { identity, account, from, to: identity.directoryId };
}

/** What the sync would send for a rebuilt directory, for one person; it travels in the old id's group (shared/README.md §2). */
export function rebindEnvelope({ identity, from, to }: RebindPlan, now: Date): Envelope {
  const at = now.toISOString();
  const id = `rebind:${hash("sha256", `${from} ${to}`).slice(0, 12)}:${Math.floor(now.getTime() / 1000)}`;
  return {
    version: 1,
    route: "refresh",
    delivery: { id, hub: SYNC_HUB, user: identity.username, server: "", session: "", occurredAt: at, receivedAt: at },
    replay: { number: 0, failedAt: [] },
    directoryId: to,
    rebind: { from, to },
    leave: [],
  };
}
