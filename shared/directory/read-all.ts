import type { Settings } from "../config.ts";
import type { Group } from "../envelope.ts";
import { Retryable } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { isWithin, normalDn } from "./dn.ts";
import type { Filters } from "./filters.ts";
import { HIDDEN, hiddenMembers, isThere } from "./groups.ts";
import { type Anomaly, type Groups, type OddGroup, readGroups } from "./read-groups.ts";
import { type BrokenEntry, type People, type Person, readPeople } from "./read-people.ts";
import { groupBase } from "./search-bases.ts";

/** The whole directory as far as hubforge looks at it. Only without anomalies does "not here" mean "gone". */
export type Everybody = {
  people: Person[];
  broken: BrokenEntry[];
  groups: Group[];
  /** False where their list broke off: then nobody's are known, and nobody is judged by them. */
  areGroupsRead: boolean;
  oddGroups: OddGroup[];
  /** Of LDAP_ALLOWED_GROUPS and those asked for: the DNs that the directory does not have. */
  missingGroups: string[];
  /** Of the same: those that are there and show nobody. Lost rights on the members read like that. */
  silentGroups: string[];
  /** Whether any group shows a member, and any person a full name. */
  hasMembers: boolean;
  hasNames: boolean;
  unresolvedMembers: number;
  anomalies: Anomaly[];
};

type Reading = { connection: Connection; settings: Settings<"directory">; filters: Filters; now: number };

/** What a server that answers may still hold back: what came before is true, only not all of it. */
const PARTIAL = new Set(["ldap.limit", "ldap.referral", "ldap.range"]);

export type ReadAllWish = {
  /** Groups beside the allowed ones that must be there. */
  groupDns: readonly string[];
  /** Hears how many people have come, page by page. */
  onPeople?: (count: number) => void;
};

/**
 * Reads all people, then all groups.
 * @throws what a look-up throws for servers, rights and settings: then nothing is known
 */
export async function readAll(reading: Reading, { groupDns, onPeople }: ReadAllWish): Promise<Everybody> {
  const { settings } = reading;
  const anomalies: Anomaly[] = [];
  const people: People = { people: [], byDn: new Map(), broken: [], hasNames: false };
  const groups: Groups = { byDn: new Map(), unresolved: 0, silent: new Set(), anomalies: [], odd: [] };
  await keepingWhatCame(readPeople({ ...reading, ...(onPeople && { onPeople }) }, people), anomalies);
  const areGroupsRead = await keepingWhatCame(readGroups(reading, people, groups), anomalies);
  anomalies.push(...groups.anomalies);
  for (const { dn, directoryId, logins } of people.broken) {
    if (directoryId !== undefined || logins.length > 0) continue;
    anomalies.push({ code: "directory.nameless", reason: `"${dn}" has neither id nor name: it could be anybody` });
  }
  if (areGroupsRead) judge(people.people, settings);
  const wanted = areGroupsRead ? [...settings.LDAP_ALLOWED_GROUPS, ...groupDns] : [];
  const asked = await lookFor(wanted, groups, reading);
  if (isNobodyShown(asked, settings)) anomalies.push({ code: HIDDEN, reason: hiddenMembers(settings) });
  return {
    people: people.people,
    broken: people.broken,
    groups: [...groups.byDn.values()],
    areGroupsRead,
    oddGroups: groups.odd,
    missingGroups: asked.missing,
    silentGroups: asked.silent,
    hasMembers: groups.byDn.size > groups.silent.size,
    hasNames: people.hasNames,
    unresolvedMembers: groups.unresolved,
    anomalies,
  };
}

/** Whether all of it came. */
async function keepingWhatCame(reading: Promise<void>, anomalies: Anomaly[]): Promise<boolean> {
  try {
    await reading;
    return true;
  } catch (error) {
    if (!(error instanceof Retryable) || !PARTIAL.has(error.code)) throw error;
    anomalies.push({ code: error.code, reason: error.message });
    return false;
  }
}

/** Who is in no allowed group is gone, as a look-up would say. */
function judge(people: Person[], settings: Settings<"directory">): void {
  const allowed = new Set(settings.LDAP_ALLOWED_GROUPS.map(normalDn));
  if (allowed.size === 0) return;
  const verdicts = new Map<Group[], boolean>();
  for (const person of people) {
    const isIn = verdicts.get(person.groups) ?? person.groups.some(({ dn }) => allowed.has(normalDn(dn)));
    verdicts.set(person.groups, isIn);
    if (isIn || person.gone) continue;
    const reason = `"${person.dn}" is in none of the groups of LDAP_ALLOWED_GROUPS`;
    person.gone = { code: "person.not-allowed", reason };
  }
}

type Asked = { missing: string[]; silent: string[] };

/** A group that the list does not have may be empty, and so without the attribute that the list asks for. */
async function lookFor(dns: readonly string[], read: Groups, { connection, settings }: Reading): Promise<Asked> {
  const base = groupBase(settings);
  const asked: Asked = { missing: [], silent: [] };
  for (const dn of new Set(dns)) {
    const isListed = read.byDn.has(normalDn(dn));
    if (isListed && !read.silent.has(normalDn(dn))) continue;
    const isHere = isListed || (isWithin(dn, base) && (await isThere(dn, connection)));
    (isHere ? asked.silent : asked.missing).push(dn);
  }
  return asked;
}

/** Nobody at all would be allowed in: as a look-up sees it, too, that is no proof that anybody is not. */
function isNobodyShown({ missing, silent }: Asked, { LDAP_ALLOWED_GROUPS: allowed }: Settings<"directory">): boolean {
  return (
    allowed.some((dn) => silent.includes(dn)) && allowed.every((dn) => silent.includes(dn) || missing.includes(dn))
  );
}
