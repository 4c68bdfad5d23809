import { type Settings, SettingsError } from "../config.ts";
import { isWithin, normalDn } from "./dn.ts";
import { compileFilters } from "./filters.ts";
import { readAuthority } from "./tls.ts";

/** What only LDAP code can judge about the settings. @throws SettingsError naming every wrong variable at once. */
export function checkSettings(settings: Settings<"directory">): void {
  const groupBase = settings.LDAP_GROUP_SEARCH_BASE ?? settings.LDAP_BASE;
  const filters = compileFilters(settings);
  const checks: [variable: string, check: () => void][] = [
    ["LDAP_BASE", () => normalDn(settings.LDAP_BASE)],
    ["LDAP_USER_SEARCH_BASE", () => normalDn(settings.LDAP_USER_SEARCH_BASE ?? "")],
    ["LDAP_GROUP_SEARCH_BASE", () => normalDn(groupBase)],
    ["LDAP_USER_SEARCH_FILTER", () => [filters.person("somebody"), filters.anyPerson()]],
    ["LDAP_GROUP_SEARCH_FILTER", () => filters.groupsWith(["somebody"])],
    ...settings.LDAP_ALLOWED_GROUPS.map((dn): [string, () => void] => [
      "LDAP_ALLOWED_GROUPS",
      () => requireWithin(dn, groupBase),
    ]),
    ["LDAP_CA", () => settings.LDAP_CA && readAuthority(settings.LDAP_CA)],
  ];
  const problems = checks.flatMap(([variable, check]) => {
    const problem = problemOf(check);
    return problem === undefined ? [] : [`  ${variable}: ${problem}`];
  });
  if (problems.length > 0) throw new SettingsError(`wrong settings:\n${problems.join("\n")}`);
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
    return error instanceof Error ? error.message : String(error);
  }
}
