import type { BrokenEntry, Person } from "#shared/directory.ts";
import { isCommonTeam } from "#shared/marks.ts";
import { foldName } from "#shared/names.ts";
import type { Known, Matches } from "./match-accounts.ts";
import type { Conflict, Departure, World } from "./plan.ts";
import { createProtection } from "./protection.ts";

/**
 * Who has gone: their directory id is absent, or may not come in any more. Only people whose own team is marked are ours to
 * let go. @param rebound ids whose people go on under another one
 */
export function planDepartures(
  { directory, settings }: World,
  { byId }: Matches,
  rebound: ReadonlySet<string>,
): { departures: Departure[]; conflicts: Conflict[] } {
  const people = new Map(directory.people.map((person) => [person.directoryId, person]));
  const isUnclear = createUnclear(directory.broken);
  const isProtected = createProtection(settings);
  const departures: Departure[] = [];
  const conflicts: Conflict[] = [];
  for (const known of byId.values()) {
    const { directoryId, account } = known;
    const person = people.get(directoryId);
    if ((person && !person.gone) || rebound.has(directoryId) || isUnclear(known)) continue;
    const reason = person?.gone?.reason ?? "the directory has nobody with this directory id";
    if (account.is_admin) {
      // Blocked by another admin: that was the decision.
      if (!account.prohibit_login) conflicts.push(leftAsAdmin(known, person, reason));
    } else if (!isProtected(person ?? {}, account)) {
      const departure = toDeparture(known, person, reason);
      if (departure) departures.push(departure);
    }
  }
  return { departures, conflicts };
}

function leftAsAdmin({ account, directoryId }: Known, person: Person | undefined, why: string): Conflict {
  const who = `account ${account.login} (directory id ${directoryId}) is a site admin of Gitea's, whom the sync never touches`;
  const advice = "block it in Gitea, or take its admin right, and this is told no more";
  return { code: "leaver.is-admin", dn: person?.dn, reason: `${who}, and its person has left: ${why}. ${advice}` };
}

function toDeparture(known: Known, person: Person | undefined, reason: string): Departure | undefined {
  const { account, directoryId, memberships } = known;
  const leave = memberships.filter(isCommonTeam).map(({ name }) => name);
  // Blocked already, by us or by an admin, and in nothing that we keep: there is nothing left to take.
  if (account.prohibit_login && leave.length === 0) return undefined;
  const username = person?.username ?? (account.login_name || account.login);
  return { directoryId, username, account: account.login, reason, leave: leave.toSorted() };
}

/** An entry that cannot be read as a person may be this one: then nobody has left. */
function createUnclear(broken: readonly BrokenEntry[]): (known: Known) => boolean {
  const ids = new Set(broken.map(({ directoryId }) => directoryId));
  const names = new Set(broken.flatMap(({ logins }) => logins.map(foldName)));
  return ({ directoryId, account }) => ids.has(directoryId) || names.has(foldName(account.login_name));
}
