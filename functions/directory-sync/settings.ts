import type { Settings } from "#shared/config.ts";

export type SyncSettings = Settings<"gitea" | "sync">;
