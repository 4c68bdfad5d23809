import type { DirectoryEntry } from "./entry.ts";

const ACCOUNTDISABLE = 2;
/** Milliseconds from 1601 to 1970; AD counts in 100 ns since 1601. */
const AD_EPOCH_MILLISECONDS = 11_644_473_600_000n;
const NEVER = new Set(["0", "9223372036854775807"]);
const LOCKED_BY_AN_ADMIN = "000001010000Z";

/** What a read has to ask for, so that this can be decided; operational attributes come only by name. */
export const DISABLED_ATTRIBUTES = [
  "userAccountControl",
  "accountExpires",
  "pwdAccountLockedTime",
  "nsAccountLock",
] as const;

/**
 * Why this account counts as a leaver's, or undefined. Read and decided here, because a server without the attribute answers
 * a filter on it with nobody. A temporary lock after wrong passwords is no leaving (README.md §4).
 */
export function disabledBy(entry: DirectoryEntry, now: number): string | undefined {
  if (entry.texts("userAccountControl").some((flags) => (Number(flags) & ACCOUNTDISABLE) !== 0)) {
    return "userAccountControl says ACCOUNTDISABLE";
  }
  if (entry.texts("accountExpires").some((time) => hasExpired(time, now))) return "accountExpires is past";
  if (entry.texts("pwdAccountLockedTime").includes(LOCKED_BY_AN_ADMIN))
    return "an administrator locked it (pwdAccountLockedTime)";
  if (entry.texts("nsAccountLock").some((flag) => flag.toLowerCase() === "true")) return "nsAccountLock is true";
  return undefined;
}

function hasExpired(fileTime: string, now: number): boolean {
  if (!/^\d+$/.test(fileTime) || NEVER.has(fileTime)) return false;
  return BigInt(fileTime) / 10_000n - AD_EPOCH_MILLISECONDS <= BigInt(Math.trunc(now));
}
