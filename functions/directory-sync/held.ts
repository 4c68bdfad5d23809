import type { Plan, Refresh } from "./plan.ts";

/** What a run may do beside adding and updating. */
export type Allowed = { isTaking: boolean; isUnblocking: boolean };

/** A team, or the address that people write to. */
const isLosing = ({ leave, losesMail }: Refresh) => leave.length > 0 || losesMail;

export const isReturning = ({ changes }: Refresh) => changes.some(({ what }) => what === "unblock");

/** How many would lose something. */
export function countRemovals({ departures, refreshes }: Plan): number {
  return departures.length + refreshes.filter(isLosing).length;
}

/** How many leavers would be let in again. */
export function countReturns({ refreshes }: Plan): number {
  return refreshes.filter(isReturning).length;
}

/** How many people something is held back of. */
export function countHeld({ departures, refreshes }: Plan, { isTaking, isUnblocking }: Allowed): number {
  const held = refreshes.filter(
    (refresh) => (!isTaking && isLosing(refresh)) || (!isUnblocking && isReturning(refresh)),
  );
  return held.length + (isTaking ? 0 : departures.length);
}

/**
 * What of a refresh may be sent. The account stage unblocks whoever is sent, so of somebody who would return and may not
 * nothing is sent at all.
 */
export function allowedPart(refresh: Refresh, { isTaking, isUnblocking }: Allowed): Refresh | undefined {
  if (!isUnblocking && isReturning(refresh)) return undefined;
  const { changes, losesMail } = refresh;
  const part = isTaking
    ? refresh
    : { ...refresh, leave: [], changes: losesMail ? changes.filter(({ what }) => what !== "mail") : changes };
  return part.changes.length > 0 || part.leave.length > 0 ? part : undefined;
}
