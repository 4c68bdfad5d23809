import type { Settings } from "#shared/config.ts";

export type SyncSettings = Settings<"gitea" | "sync"> & Pick<Settings<"directory">, "LDAP_ALLOWED_GROUPS">;
