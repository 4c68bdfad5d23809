import type { Account } from "#shared/gitea/account-list.ts";
import { addressNobodyHas } from "#shared/placeholder-mail.ts";
import type { Conflict, Refresh } from "./plan.ts";

/** A refresh that is being planned, with the address that it would write. */
export type Draft = Refresh & { mail?: string };

/**
 * Gitea gives an address to one account only. Who wants one that its holder is about to leave may have it, and the holder
 * is told to free it, if need be for a placeholder: so two people who exchange their addresses are done after two runs
 * (F2 of test/README.md). An address that its holder keeps, or that two people want, is a conflict; it never holds up
 * anything else.
 */
export function settleMails(
  drafts: readonly Draft[],
  accounts: readonly Account[],
): { refreshes: Refresh[]; conflicts: Conflict[] } {
  const holders = new Map(accounts.map((account) => [account.email.toLowerCase(), account]));
  const leaving = new Map(
    drafts
      .filter(({ account, mail }) => account !== undefined && mail !== undefined)
      .map((draft) => [draft.account, draft]),
  );
  const taken = new Map<string, Draft>();
  const conflicts: Conflict[] = [];
  const refused = new Set<Draft>();
  for (const draft of drafts) {
    if (draft.mail === undefined) continue;
    const rival = taken.get(draft.mail);
    const holder = holders.get(draft.mail);
    const isFree = !holder || holder.login === draft.account || leaving.has(holder.login);
    if (rival || !isFree) {
      refused.add(draft);
      conflicts.push(inUse(draft, rival ? `"${rival.dn}" has it as well` : `account ${holder?.login} has it`));
      continue;
    }
    taken.set(draft.mail, draft);
    const leaver = holder && holder.login !== draft.account ? leaving.get(holder.login) : undefined;
    if (leaver) leaver.freesMail = true;
  }
  return { refreshes: drafts.flatMap((draft) => toRefresh(draft, refused.has(draft)) ?? []), conflicts };
}

function inUse({ dn, mail }: Draft, why: string): Conflict {
  return { code: "mail.in-use", dn, reason: `${mail} cannot be the address of "${dn}": ${why}` };
}

/** Without a free address there is no new account; an existing one gets everything else. */
function toRefresh({ mail: _mail, ...refresh }: Draft, isRefused: boolean): Refresh | undefined {
  if (!isRefused) return refresh;
  if (refresh.account === undefined) return undefined;
  const others = refresh.changes.filter(({ what }) => what !== "mail");
  const mail = refresh.changes.find(({ what }) => what === "mail");
  const freed = refresh.freesMail && mail ? [{ ...mail, to: addressNobodyHas(refresh.username) }] : [];
  const changes = [...others, ...freed];
  return changes.length > 0 || refresh.leave.length > 0 ? { ...refresh, changes } : undefined;
}
