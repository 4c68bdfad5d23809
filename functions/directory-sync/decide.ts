import { rebindHash, removalHash } from "./envelopes.ts";
import { type Guard, guardsOf } from "./guards.ts";
import { countHeld, countRemovals, countReturns } from "./held.ts";
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
  const refusal = whyNot({ confirm, rebind }, { plan, guards, hash, newIds });
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

type Seen = { plan: Plan; guards: Guard[]; hash: string; newIds: string | undefined };

function whyNot({ confirm, rebind }: Consent, seen: Seen): string | undefined {
  if (confirm === undefined && rebind === undefined) return undefined;
  const blind = seen.guards.find(({ isConfirmable }) => !isConfirmable);
  if (blind) return `the read proves nothing, whoever confirms it: ${blind.reason}`;
  return confirm === undefined ? whyNotRebind(rebind, seen) : whyNotConfirm(confirm, seen);
}

function whyNotConfirm(confirm: string, { plan, hash, newIds }: Seen): string | undefined {
  if (confirm === hash) return undefined;
  if (confirm === newIds) return `${confirm} is the hash of the new ids: --rebind ${confirm}`;
  if (countRemovals(plan) + countReturns(plan) === 0) return "nobody would lose anything now: nothing is held back";
  return `the removals have the hash ${hash} now, not ${confirm}: look at them again (--dry-run), then --confirm ${hash}`;
}

function whyNotRebind(rebind: string | undefined, { plan, hash, newIds }: Seen): string | undefined {
  if (rebind === newIds) return undefined;
  if (rebind === hash) return `${rebind} is the hash of the removals: --confirm ${rebind}`;
  if (newIds !== undefined) {
    return `the new ids have the hash ${newIds} now, not ${rebind}: look at them again (--dry-run), then --rebind ${newIds}`;
  }
  const isAnyNew = plan.conflicts.some(({ code }) => code === "identity.other-id");
  if (!isAnyNew) return "nobody has a new id now: there is nothing to accept";
  return (
    "this is no rebuilt directory: few new ids, and those of people who had left, are decided one by one by " +
    "hubforge accounts rebind <user>; --dry-run names them (identity.other-id)"
  );
}
