import type { Settings } from "../config.ts";

type Bases = Pick<Settings<"directory">, "LDAP_BASE" | "LDAP_USER_SEARCH_BASE" | "LDAP_GROUP_SEARCH_BASE">;

/** Below which people, and groups, are looked for: LDAP_BASE where nothing else is set. */
export const personBase = (settings: Bases): string => settings.LDAP_USER_SEARCH_BASE ?? settings.LDAP_BASE;
export const groupBase = (settings: Bases): string => settings.LDAP_GROUP_SEARCH_BASE ?? settings.LDAP_BASE;
