import type { Settings } from "#shared/config.ts";

export type SyncSettings = Settings<"gitea" | "sync"> &
  Pick<Settings<"directory">, "LDAP_ALLOWED_GROUPS" | "LDAP_BASE" | "LDAP_GROUP_SEARCH_BASE">;
