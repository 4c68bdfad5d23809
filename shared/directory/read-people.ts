import type { Settings } from "../config.ts";
import type { Identity } from "../envelope.ts";
import { Permanent } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { BINARY_ATTRIBUTES, directoryIdOf } from "./directory-id.ts";
import { disabledBy } from "./disabled.ts";
import { MalformedDn, normalDn } from "./dn.ts";
import type { DirectoryEntry } from "./entry.ts";
import type { Filters } from "./filters.ts";
import { personAttributes, toPerson } from "./person.ts";
import { personBase } from "./search-bases.ts";

type Gone = { code: "person.disabled" | "person.not-allowed"; reason: string };

/** Somebody whom the directory has; `gone` when they may not come in all the same. */
export type Person = Identity & { gone?: Gone };

/** An entry that cannot be a person, as far as it can be read: whoever it is has not left. */
export type BrokenEntry = {
  dn: string;
  code: string;
  reason: string;
  directoryId: string | undefined;
  logins: string[];
};

export type People = {
  people: Person[];
  byDn: Map<string, number>;
  broken: BrokenEntry[];
  /** Whether anybody shows LDAP_FULLNAME_ATTRIBUTE. */
  hasNames: boolean;
};

/** One list for all who are in none, like every other list of groups (see `readGroups`). */
const NO_GROUPS: Person["groups"] = [];

type Reading = {
  connection: Connection;
  settings: Settings<"directory">;
  filters: Filters;
  now: number;
  onPeople?: (count: number) => void;
};

/** Everybody whom a look-up by name or id could find, into `read`, which keeps what came before a failure. */
export async function readPeople(reading: Reading, read: People): Promise<void> {
  const { connection, settings, filters, now, onPeople } = reading;
  const pages = connection.pages(personBase(settings), {
    filter: filters.anyPerson(),
    attributes: personAttributes(settings),
    explicitBufferAttributes: BINARY_ATTRIBUTES,
  });
  for await (const entries of pages) {
    for (const entry of entries) add(entry, { settings, now }, read);
    onPeople?.(read.people.length);
  }
  refuseTwins(read);
}

function add(entry: DirectoryEntry, { settings, now }: Pick<Reading, "settings" | "now">, read: People): void {
  try {
    const dn = normalDn(entry.dn);
    if (read.byDn.has(dn)) return; // moved within the list while it was read
    const person: Person = { ...toPerson(entry, settings), groups: NO_GROUPS };
    const why = disabledBy(entry, now);
    if (why !== undefined) {
      person.gone = { code: "person.disabled", reason: `the account of "${person.dn}" is disabled: ${why}` };
    }
    read.byDn.set(dn, read.people.push(person) - 1);
    read.hasNames ||= entry.texts(settings.LDAP_FULLNAME_ATTRIBUTE).length > 0;
  } catch (error) {
    read.broken.push(toBroken(entry, error, settings));
  }
}

function toBroken(entry: DirectoryEntry, error: unknown, settings: Settings<"directory">): BrokenEntry {
  if (!(error instanceof Permanent || error instanceof MalformedDn)) throw error;
  const logins = entry.texts(settings.LDAP_USER_ATTRIBUTE);
  const code = error instanceof Permanent ? error.code : "directory.bad-dn";
  return { dn: entry.dn, code, reason: error.message, directoryId: readableId(entry, settings), logins };
}

function readableId(entry: DirectoryEntry, settings: Settings<"directory">): string | undefined {
  try {
    return directoryIdOf(entry, settings.LDAP_ID_ATTRIBUTE);
  } catch {
    return undefined; // that is what it is broken for
  }
}

/** An id that two entries have is nobody's: LDAP_ID_ATTRIBUTE names something that people share. Neither is judged. */
function refuseTwins({ people, broken }: People): void {
  const first = new Map<string, Person>();
  for (const person of people) {
    const { directoryId, dn, logins } = person;
    const twin = first.get(directoryId);
    first.set(directoryId, twin ?? person);
    if (!twin) continue;
    const reason = `"${dn}" and "${twin.dn}" have one directory id, ${directoryId}: see LDAP_ID_ATTRIBUTE`;
    broken.push({ dn, code: "directory.same-id", reason, directoryId, logins });
  }
}
