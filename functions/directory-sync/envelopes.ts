import { type Envelope, type Kept, SYNC_HUB } from "#shared/envelope.ts";
import { shortHash } from "#shared/short-hash.ts";
import type { Departure, Plan, Refresh } from "./plan.ts";

/** The removals alone, so that an unrelated change does not void a confirmation. */
export function removalHash({ departures, refreshes }: Plan): string {
  const lines = [
    ...departures.map(({ directoryId, leave }) => ["depart", directoryId, ...leave]),
    ...refreshes.flatMap(({ directoryId, leave }) => leave.map((team) => ["leave", directoryId, team])),
  ];
  return hashOf(lines);
}

export function rebindHash({ rebinds }: Plan): string {
  return hashOf(rebinds.map(({ from, to }) => [from, to]));
}

function hashOf(lines: string[][]): string {
  return shortHash(JSON.stringify(lines.map((line) => JSON.stringify(line)).toSorted()));
}

type Sending = { isTaking: boolean; keeps: Kept[]; now: Date };

/** Undefined when nothing is left of it without its removals. */
export function refreshEnvelope(refresh: Refresh, { isTaking, keeps, now }: Sending): Envelope | undefined {
  const { changes, directoryId, freesMail, rebind, username } = refresh;
  const leave = isTaking ? refresh.leave : [];
  if (changes.length === 0 && leave.length === 0) return undefined;
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
export function departEnvelope(
  { directoryId, leave, username }: Departure,
  { keeps, now }: Omit<Sending, "isTaking">,
): Envelope {
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
