import { type Settings, SettingsError } from "../config.ts";
import { why } from "../why.ts";
import { isWithin, normalDn } from "./dn.ts";
import { compileFilters, isDecidedByMember } from "./filters.ts";
import { groupBase } from "./search-bases.ts";
import { readAuthority } from "./tls.ts";

type DirectorySettings = Settings<"directory">;

/** What only LDAP code can judge about the settings. @throws SettingsError naming every wrong variable at once. */
export function checkSettings(settings: DirectorySettings): void {
  const filters = compileFilters(settings);
  const checks: [variable: string, check: () => void][] = [
    ["LDAP_BASE", () => normalDn(settings.LDAP_BASE)],
    ["LDAP_USER_SEARCH_BASE", () => normalDn(settings.LDAP_USER_SEARCH_BASE ?? "")],
    ["LDAP_GROUP_SEARCH_BASE", () => normalDn(groupBase(settings))],
    ["LDAP_USER_SEARCH_FILTER", () => [filters.person("somebody"), filters.anyPerson()]],
    ["LDAP_GROUP_SEARCH_FILTER", () => [filters.groupsWith(["somebody"]), filters.anyGroup(), requireOneWay(settings)]],
    ...settings.LDAP_ALLOWED_GROUPS.map((dn): [string, () => void] => [
      "LDAP_ALLOWED_GROUPS",
      () => requireWithin(dn, groupBase(settings)),
    ]),
    ["LDAP_CA", () => settings.LDAP_CA && readAuthority(settings.LDAP_CA)],
  ];
  const problems = checks.flatMap(([variable, check]) => {
    const problem = problemOf(check);
    return problem === undefined ? [] : [`  ${variable}: ${problem}`];
  });
  if (problems.length > 0) throw new SettingsError(`wrong settings:\n${problems.join("\n")}`);
}

function requireOneWay({
  LDAP_GROUP_SEARCH_FILTER: filter,
  LDAP_GROUP_MEMBER_ATTRIBUTE: attribute,
}: DirectorySettings) {
  if (isDecidedByMember(filter)) return;
  throw new Error(
    `may narrow (${attribute}={0}) by conditions joined with "&", and nothing else: in "${filter}" a group could match ` +
      "without that member (LDAP_GROUP_MEMBER_ATTRIBUTE), which spawn and sync would see differently",
  );
}

function requireWithin(group: string, base: string): void {
  if (!isWithin(group, base)) {
    throw new Error(`"${group}" lies outside the group search base "${base}", so nobody could be in it`);
  }
}

function problemOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return why(error);
  }
}
