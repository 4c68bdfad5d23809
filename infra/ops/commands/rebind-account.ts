import { createSender } from "#shared/queue.ts";
import { planRebind, rebindEnvelope } from "../accounts/plan-rebind.ts";
import { hintOf } from "../output/hint.ts";
import { inert } from "../output/inert.ts";
import { sendSignal } from "../patience.ts";
import type { Verb } from "./context.ts";
import { type DecideOptions, decideAndReplay } from "./decide.ts";

/** `accounts rebind`: one directory entry was made anew and is still the same human. */
export const rebind: Verb<DecideOptions> = async (context, options, words) =>
  await decideAndReplay(context, { command: "accounts rebind", options, words }, async (identity, look, target) => {
    const plan = await planRebind(identity, look);
    const { account, from, to } = plan;
    const isOpen = from !== to;
    return {
      record: { type: "rebind", account: account.login, accountId: account.id, dn: identity.dn, from, to },
      lines: [
        `Rebind Gitea account ${inert(account.login)} of ${inert(`${identity.username} (${identity.dn})`)}`,
        isOpen ? `  directory id: ${inert(from)} → ${inert(to)}` : "  it carries the new id already: nothing to change",
      ],
      warnings: [],
      wanted: account.login,
      deed: `give it the new id of ${identity.username}`,
      done: `sent to the stages; they do it now: ${hintOf(target, "trace", { words: [identity.username] })}`,
      isOpen,
      carryOut: ({ signal }) =>
        createSender(target.environment).sendEnvelope(
          "identity",
          rebindEnvelope(plan, context.now),
          sendSignal(signal),
        ),
    };
  });
