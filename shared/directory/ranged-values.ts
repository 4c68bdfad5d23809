import { PresenceFilter } from "ldapts";
import { Retryable } from "../errors.ts";
import type { Connection } from "./connection.ts";
import type { DirectoryEntry } from "./entry.ts";

const ANY = new PresenceFilter({ attribute: "objectClass" });

/**
 * All values of an attribute that the server hands out in parts, as AD does beyond 1,500 members (MS-ADTS 3.1.1.3.1.3.3).
 * @throws Retryable `ldap.range` when a part is missing: a group that is half read looks as if people had left it
 */
export async function allValues(entry: DirectoryEntry, attribute: string, connection: Connection): Promise<string[]> {
  const values: string[] = [];
  let reached = -1;
  for (let range = entry.range(attribute); range; ) {
    // A server that gives the same part again would be asked for ever.
    if (!range.isLast && !(range.end > reached)) break;
    reached = range.end;
    values.push(...range.values);
    if (range.isLast) return values;
    const asked = `${attribute};range=${range.end + 1}-*`;
    const [next] = await connection.search(entry.dn, { scope: "base", filter: ANY, attributes: [asked] });
    range = next?.range(attribute);
  }
  throw new Retryable("ldap.range", `the server ended the list "${attribute}" of "${entry.dn}" after ${values.length}`);
}
