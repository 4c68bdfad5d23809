import { type Envelope, type Kept, SYNC_HUB } from "#shared/envelope.ts";
import { shortHash } from "#shared/short-hash.ts";
import { type Allowed, allowedPart, isReturning } from "./held.ts";
import type { Departure, Plan, Refresh } from "./plan.ts";

/** What waits for a confirmation alone, so that an unrelated change does not void one. */
export function removalHash({ departures, refreshes }: Plan, withReturns = false): string {
  const returning = withReturns ? refreshes.filter(isReturning) : [];
  const lines = [
    ...departures.map(({ directoryId, leave }) => ["depart", directoryId, ...leave]),
    ...refreshes.flatMap(({ directoryId, leave }) => leave.map((team) => ["leave", directoryId, team])),
    ...refreshes.flatMap(({ directoryId, losesMail }) => (losesMail ? [["mail", directoryId]] : [])),
    ...returning.map(({ directoryId }) => ["unblock", directoryId]),
  ];
  return hashOf(lines);
}

export function rebindHash({ rebinds }: Plan): string {
  return hashOf(rebinds.map(({ from, to }) => [from, to]));
}

function hashOf(lines: string[][]): string {
  return shortHash(JSON.stringify(lines.map((line) => JSON.stringify(line)).toSorted()));
}

type Sending = { keeps: Kept[]; now: Date };

/** Undefined when nothing is left of it without what is held back. */
export function refreshEnvelope(
  refresh: Refresh,
  { keeps: all, now, ...allowed }: Sending & Allowed,
): Envelope | undefined {
  const part = allowedPart(refresh, allowed);
  if (!part) return undefined;
  const { changes, directoryId, freesMail, leave, losesMail, rebind, username } = part;
  const keeps = losesMail && !allowed.isTaking ? [...new Set<Kept>([...all, "mail"])] : all;
  const change = JSON.stringify([changes, leave, freesMail]);
  return {
    ...envelope("refresh", { directoryId, username, change }, now),
    leave,
    ...(freesMail && { freesMail }),
    ...(rebind && { rebind }),
    ...(keeps.length > 0 && { keeps }),
  };
}

/** Who is back at the second look becomes a refresh, so it keeps what that would. */
export function departEnvelope({ directoryId, leave, username }: Departure, { keeps, now }: Sending): Envelope {
  const change = JSON.stringify(["depart", leave]);
  return { ...envelope("depart", { directoryId, username, change }, now), leave, ...(keeps.length > 0 && { keeps }) };
}

/** The id comes from the change (shared/README.md §6): the same change, planned again, is the same delivery. */
function envelope(
  route: "refresh" | "depart",
  { directoryId, username, change }: { directoryId: string; username: string; change: string },
  now: Date,
): Envelope {
  const time = now.toISOString();
  return {
    version: 1,
    route,
    delivery: {
      id: `${directoryId}:${shortHash(change)}`,
      hub: SYNC_HUB,
      user: username,
      server: "",
      session: "",
      occurredAt: time,
      receivedAt: time,
    },
    replay: { number: 0, failedAt: [] },
    directoryId,
    leave: [],
  };
}
