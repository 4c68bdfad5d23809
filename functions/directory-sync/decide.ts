import { rebindHash, removalHash } from "./envelopes.ts";
import { type Guard, guardsOf } from "./guards.ts";
import { countHeld } from "./held.ts";
import type { Plan, World } from "./plan.ts";
import { otherId } from "./plan-newcomer.ts";
import { planSync, sortConflicts } from "./plan-sync.ts";

/** What an operator has seen and allows, once. */
export type Consent = { confirm?: string | undefined; rebind?: string | undefined };

export type Decision = {
  plan: Plan;
  guards: Guard[];
  /** Of the removals; of many returns as well, where those wait. */
  hash: string;
  /** Of the new ids of a rebuilt directory. */
  rebindHash: string | undefined;
  /** Whether people may lose something in this run. */
  isTaking: boolean;
  /** Whether leavers who are back are let in. */
  isUnblocking: boolean;
  /** What an operator may be told to allow, where that would help: hashes for `--confirm` and `--rebind`. */
  advice: Consent;
  /** Why the consent does not fit: then nothing is done at all. */
  refusal?: string;
};

/** Guards hold back what takes away; a consent lets exactly those removals through that its hash names. */
export function decide(world: World, { confirm, rebind }: Consent): Decision {
  const first = planSync(world);
  const firstGuards = guardsOf(first, world);
  // One new id alone is a newcomer with somebody's former name until a human looks (hubforge accounts rebind).
  const isRebuilt = firstGuards.some(({ code }) => code === "directory.rebuilt");
  const newIds = isRebuilt ? rebindHash(first) : undefined;
  const isAccepted = rebind !== undefined && rebind === newIds;
  const plan = isAccepted ? planSync(world, true) : withRefused(first, isRebuilt);
  const guards = isAccepted ? guardsOf(plan, world) : firstGuards;
  const areReturnsMany = guards.some(({ code }) => code === "returns.many");
  const hash = removalHash(plan, areReturnsMany);
  const refusal = whyNot({ confirm, rebind }, { guards, hash, newIds });
  const isTaking = guards.length === 0 || (confirm === hash && refusal === undefined);
  const isBlind = guards.some(({ isConfirmable }) => !isConfirmable);
  const isUnblocking = isTaking || !(isBlind || areReturnsMany);
  const isHelpful = !isBlind && countHeld(plan, { isTaking, isUnblocking }) > 0;
  return {
    plan,
    guards,
    hash,
    rebindHash: newIds,
    isTaking,
    isUnblocking,
    advice: isHelpful ? { confirm: hash, rebind: newIds } : {},
    ...(refusal !== undefined && { refusal }),
  };
}

/** Who has one single new id gets nothing until a person looks, so it is told; many are told as a rebuilt directory. */
function withRefused(plan: Plan, isRebuilt: boolean): Plan {
  if (isRebuilt) return plan;
  const refused = plan.rebinds.map((pair) => otherId(pair, true));
  return { ...plan, conflicts: sortConflicts([...plan.conflicts, ...refused]) };
}

type Seen = { guards: Guard[]; hash: string; newIds: string | undefined };

function whyNot({ confirm, rebind }: Consent, { guards, hash, newIds }: Seen): string | undefined {
  if (rebind !== undefined && newIds === undefined) {
    return "this is no rebuilt directory: who has one single new id is decided by hubforge accounts rebind <user>";
  }
  if (rebind !== undefined && rebind !== newIds) return `the new ids have the hash ${newIds} now, not ${rebind}`;
  if (confirm !== undefined && confirm !== hash) return `the removals have the hash ${hash} now, not ${confirm}`;
  const blind = guards.find(({ isConfirmable }) => !isConfirmable);
  if ((confirm ?? rebind) !== undefined && blind)
    return `the read proves nothing, whoever confirms it: ${blind.reason}`;
  return undefined;
}
