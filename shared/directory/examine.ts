import type { Settings } from "../config.ts";
import { createConnect, LIMITS } from "./connection.ts";
import { isThere } from "./groups.ts";

/** Single questions about a directory and its settings, for whoever looks for the one that is wrong. */
export function examineDirectory(settings: Settings<"directory">, signal: AbortSignal) {
  const connectTo = (LDAP_URLS: string[]) =>
    createConnect({ ...settings, LDAP_URLS }, { now: Date.now, limits: LIMITS });
  return {
    /** Binds at this one server. @throws Unauthorized for a refused password, Retryable for every other trouble */
    bindAt: (url: string) => connectTo([url])(signal, async () => undefined),
    /** Whether there is such an entry, and it may be read. */
    has: (dn: string) => connectTo(settings.LDAP_URLS)(signal, (connection) => isThere(dn, connection)),
  };
}
