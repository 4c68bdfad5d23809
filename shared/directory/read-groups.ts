import type { Settings } from "../config.ts";
import type { Group } from "../envelope.ts";
import type { Connection } from "./connection.ts";
import { BINARY_ATTRIBUTES, idAttributes } from "./directory-id.ts";
import { MalformedDn, normalDn } from "./dn.ts";
import type { DirectoryEntry } from "./entry.ts";
import type { Filters } from "./filters.ts";
import { groupIdOf, namesItsMembers, toGroup } from "./groups.ts";
import { allValues } from "./ranged-values.ts";
import type { People } from "./read-people.ts";
import { groupBase } from "./search-bases.ts";

export type Groups = {
  /** Normal DN → group. */
  byDn: Map<string, Group>;
  /** Members that are neither a person nor a group that was read: service accounts, people elsewhere, leftovers. */
  unresolved: number;
  /** Normal DNs of those that came without one value. */
  silent: Set<string>;
  /** DNs that cannot be compared, of groups and of members: who is meant cannot be known. */
  anomalies: Anomaly[];
  /** Those that can be read only in part, and cost nobody anything. */
  odd: OddGroup[];
};

/** Why a read cannot prove that anybody is absent. */
export type Anomaly = { code: string; reason: string };
export type OddGroup = Anomaly & { dn: string };

type Reading = { connection: Connection; settings: Settings<"directory">; filters: Filters };
/** By place in `People.people`: the groups that name the person. */
type Direct = Map<number, Group[]>;

/**
 * All groups, by the same filter as a look-up's with a presence test in the member's place, and through them each person's,
 * direct and by nesting. Members are resolved in memory: a search for each would take hours (README.md §6).
 */
export async function readGroups(reading: Reading, { people, byDn }: People, read: Groups): Promise<void> {
  const direct: Direct = new Map();
  const parents = new Map<string, Group[]>();
  const places = namesItsMembers(reading.settings.LDAP_GROUP_MEMBER_ATTRIBUTE) ? byLogin(people) : toLists(byDn);
  for await (const { entry, members } of groupEntries(reading)) {
    const group = addGroup(entry, reading.settings, read);
    if (!group) continue;
    if (members.length === 0) read.silent.add(normalDn(entry.dn));
    for (const member of members) {
      const key = keyOf(member, reading.settings, read.anomalies);
      if (key === undefined) continue;
      const found = places.get(key);
      if (found) for (const place of found) addTo(direct, place, group);
      else addTo(parents, key, group);
    }
  }
  read.unresolved = [...parents.keys()].filter((dn) => !read.byDn.has(dn)).length;
  const closure = closureOf(parents);
  for (const [place, groups] of direct) {
    const person = people[place];
    if (person) person.groups = closure(groups);
  }
}

/** One odd group stops nobody else's. Undefined where its DN cannot be compared: then any group might hold it. */
function addGroup(entry: DirectoryEntry, settings: Settings<"directory">, read: Groups): Group | undefined {
  try {
    const group = toGroup(entry, settings);
    read.byDn.set(normalDn(entry.dn), group);
    if (settings.LDAP_ID_ATTRIBUTE === undefined && groupIdOf(entry, settings) === undefined) {
      const reason = `no id of the group "${entry.dn}" can be read, so it is known by its DN and lost when renamed: give the bind account the right`;
      read.odd.push({ dn: entry.dn, code: "directory.no-id", reason });
    }
    return group;
  } catch (error) {
    if (!(error instanceof MalformedDn)) throw error;
    read.anomalies.push({ code: "directory.bad-group", reason: `the group's ${error.message}` });
    return undefined;
  }
}

/** Two entries of one name are both named by it, as a look-up finds the group for each. */
function byLogin(people: People["people"]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (const [place, { logins }] of people.entries()) for (const login of logins) addTo(places, login, place);
  return places;
}

const toLists = (places: ReadonlyMap<string, number>) => new Map([...places].map(([key, place]) => [key, [place]]));

/** In place: an entry that every group has for a member, as a placeholder, would be copied once a group. */
function addTo<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

/** A page at a time; the rest of long member lists is fetched after the paging, which shares the connection. */
async function* groupEntries({ connection, settings, filters }: Reading) {
  const attribute = settings.LDAP_GROUP_MEMBER_ATTRIBUTE;
  const ranged: DirectoryEntry[] = [];
  const attributes = [settings.LDAP_GROUP_NAME_ATTRIBUTE, attribute, ...idAttributes(settings.LDAP_ID_ATTRIBUTE)];
  const options = { filter: filters.anyGroup(), attributes, explicitBufferAttributes: BINARY_ATTRIBUTES };
  for await (const entries of connection.pages(groupBase(settings), options)) {
    for (const entry of entries) {
      if (entry.range(attribute)) ranged.push(entry);
      else yield { entry, members: entry.texts(attribute) };
    }
  }
  for (const entry of ranged) yield { entry, members: await allValues(entry, attribute, connection) };
}

/** What a member value is compared by; undefined for one that means nobody. */
function keyOf(member: string, settings: Settings<"directory">, anomalies: Anomaly[]): string | undefined {
  // memberUid compares exactly (caseExactIA5Match, RFC 2307), DNs by their normal form.
  if (namesItsMembers(settings.LDAP_GROUP_MEMBER_ATTRIBUTE)) return member;
  // A uniqueMember with a bit string is another one than the bare DN (RFC 4517 §4.2.31): no look-up finds anybody by it.
  if (/#'[01]*'B$/.test(member)) return undefined;
  try {
    return normalDn(member) || undefined;
  } catch (error) {
    if (!(error instanceof MalformedDn)) throw error;
    anomalies.push({ code: "directory.bad-member", reason: error.message });
    return undefined;
  }
}

/** People of the same groups share one list, so that whoever judges them has to judge each list once. */
function closureOf(parents: ReadonlyMap<string, readonly Group[]>): (direct: readonly Group[]) => Group[] {
  const known = new Map<string, Group[]>();
  return (direct) => {
    const [first] = direct;
    const key = direct.length === 1 && first ? first.dn : JSON.stringify(direct.map(({ dn }) => dn).sort());
    const closure = known.get(key) ?? climb(direct, parents);
    known.set(key, closure);
    return closure;
  };
}

/** In the order of `groupsOf`; a cycle ends where it meets a group already seen. */
function climb(direct: readonly Group[], parents: ReadonlyMap<string, readonly Group[]>): Group[] {
  const found = new Map<string, Group>();
  for (let level = direct; level.length > 0; ) {
    const fresh = level.filter(({ dn }) => !found.has(normalDn(dn)));
    for (const group of fresh) found.set(normalDn(group.dn), group);
    level = fresh.flatMap(({ dn }) => parents.get(normalDn(dn)) ?? []);
  }
  return [...found].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, group]) => group);
}
