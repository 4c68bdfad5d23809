import { type Filter, PresenceFilter } from "ldapts";
import type { Settings } from "../config.ts";
import type { Group } from "../envelope.ts";
import { Permanent, Retryable } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { BINARY_ATTRIBUTES, directoryIdOf, idAttributes } from "./directory-id.ts";
import { normalDn } from "./dn.ts";
import type { DirectoryEntry } from "./entry.ts";
import type { Filters } from "./filters.ts";
import { groupBase } from "./search-bases.ts";

/** Members in one filter; servers cap the size of a request, not the number of its parts. */
const MEMBERS_A_SEARCH = 50;

const ANY = new PresenceFilter({ attribute: "objectClass" });

type Member = { dn: string; logins: readonly string[] };

/**
 * The groups of one person, direct and by nesting, sorted by DN: always by LDAP_GROUP_SEARCH_FILTER, level by level. A cycle
 * ends where it meets a group already seen.
 */
export async function groupsOf(
  person: Member,
  connection: Connection,
  settings: Settings<"directory">,
  filters: Filters,
): Promise<Group[]> {
  const found = new Map<string, Group>();
  let level = namesItsMembers(settings.LDAP_GROUP_MEMBER_ATTRIBUTE) ? person.logins : [person.dn];
  while (level.length > 0) {
    const entries = await parentsOf(level, connection, settings, filters);
    const fresh = entries.filter((entry) => !found.has(normalDn(entry.dn)));
    for (const entry of fresh) found.set(normalDn(entry.dn), toGroup(entry, settings));
    level = fresh.map((entry) => entry.dn);
  }
  return [...found].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, group]) => group);
}

/** memberUid holds login names; member, uniqueMember and the like hold DNs. */
export const namesItsMembers = (memberAttribute: string) => /uid$/i.test(memberAttribute);

async function parentsOf(
  members: readonly string[],
  connection: Connection,
  settings: Settings<"directory">,
  filters: Filters,
): Promise<DirectoryEntry[]> {
  const entries: DirectoryEntry[] = [];
  for (let start = 0; start < members.length; start += MEMBERS_A_SEARCH) {
    const filter = filters.groupsWith(members.slice(start, start + MEMBERS_A_SEARCH));
    entries.push(
      ...(await connection.search(groupBase(settings), {
        filter,
        attributes: [settings.LDAP_GROUP_NAME_ATTRIBUTE, ...idAttributes(settings.LDAP_ID_ATTRIBUTE)],
        explicitBufferAttributes: BINARY_ATTRIBUTES,
      })),
    );
  }
  return entries;
}

/**
 * A group without a readable id is known by its DN: an id only finds its team again once it is renamed, and a configured
 * one may be an attribute that only people have (uid). @throws MalformedDn
 */
export function toGroup(entry: DirectoryEntry, settings: Settings<"directory">): Group {
  const id = groupIdOf(entry, settings) ?? normalDn(entry.dn);
  return { dn: entry.dn, id, name: entry.texts(settings.LDAP_GROUP_NAME_ATTRIBUTE)[0] ?? entry.dn };
}

/** Undefined as well where it is no text. */
export function groupIdOf(entry: DirectoryEntry, settings: Settings<"directory">): string | undefined {
  try {
    return directoryIdOf(entry, settings.LDAP_ID_ATTRIBUTE);
  } catch (error) {
    if (error instanceof Permanent) return undefined;
    throw error;
  }
}

/**
 * Whether one of `groups` is allowed in; an empty setting lets everybody in.
 * @throws Retryable `directory.group-missing`, `directory.attribute-hidden`: that nobody is in a group which is not there, or
 * that not one of the groups shows a member, says nothing about the person.
 */
export async function isAllowed(
  groups: readonly Group[],
  { connection, settings, filters }: { connection: Connection; settings: Settings<"directory">; filters: Filters },
): Promise<boolean> {
  const allowed = settings.LDAP_ALLOWED_GROUPS;
  const theirs = new Set(groups.map((group) => normalDn(group.dn)));
  if (allowed.length === 0 || allowed.some((dn) => theirs.has(normalDn(dn)))) return true;
  let areMembersShown = false;
  for (const dn of allowed) {
    if (await matches(dn, filters.anyGroup(), connection)) areMembersShown = true;
    else await requireGroup(dn, connection);
  }
  if (areMembersShown) return false;
  throw new Retryable(HIDDEN, hiddenMembers(settings));
}

/** Lost rights on an attribute read like an attribute that nobody has (README.md §7). */
export const HIDDEN = "directory.attribute-hidden";

export const hiddenMembers = ({ LDAP_GROUP_MEMBER_ATTRIBUTE: attribute }: Settings<"directory">) =>
  `not one group of LDAP_ALLOWED_GROUPS shows a "${attribute}" (LDAP_GROUP_MEMBER_ATTRIBUTE): may the bind account read it?`;

async function requireGroup(dn: string, connection: Connection): Promise<void> {
  if (await isThere(dn, connection)) return;
  throw new Retryable(
    "directory.group-missing",
    `LDAP_ALLOWED_GROUPS names "${dn}", which the directory does not have: correct the setting, or make the group`,
  );
}

export const isThere = (dn: string, connection: Connection): Promise<boolean> => matches(dn, ANY, connection);

async function matches(dn: string, filter: Filter, connection: Connection): Promise<boolean> {
  try {
    return (await connection.search(dn, { scope: "base", filter, attributes: ["1.1"] })).length > 0;
  } catch (error) {
    if (error instanceof Retryable && error.code === "ldap.base-missing") return false;
    throw error;
  }
}
