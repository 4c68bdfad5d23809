import { linkAccount } from "../accounts/link-account.ts";
import { planLink } from "../accounts/plan-link.ts";
import { inert } from "../output/inert.ts";
import type { Verb } from "./context.ts";
import { type DecideOptions, decideAndReplay } from "./decide.ts";

export type LinkOptions = DecideOptions & { account?: string };

/** `accounts link`: an account that is somebody else's by the table of functions/account/README.md is this person's, on purpose. */
export const link: Verb<LinkOptions> = async (context, options, words) =>
  await decideAndReplay(context, { command: "accounts link", options, words }, async (identity, look) => {
    const plan = await planLink(identity, options.account, look);
    const { account, changes, warnings } = plan;
    const whom = `${identity.username} (${identity.dn})`;
    return {
      record: {
        type: "link",
        account: account.login,
        accountId: account.id,
        dn: identity.dn,
        directoryId: identity.directoryId,
        changes,
      },
      lines: [
        `Link Gitea account ${inert(account.login)} to ${inert(whom)}`,
        ...changes.map(({ what, from, to }) => `  ${inert(what)}: ${inert(from || "none")} → ${inert(to)}`),
        ...(changes.length === 0 ? ["  it is theirs already: nothing to change"] : []),
      ],
      warnings,
      wanted: account.login,
      deed: `link it to ${whom}`,
      done: `${account.login} is linked to ${whom}`,
      isOpen: changes.length > 0,
      carryOut: (tools) => linkAccount(plan, tools),
    };
  });
