import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { Settings } from "../config.ts";

/** How one server is reached: plainly, by ldaps, or by StartTLS with these options. */
export type Server = { url: string; ldaps?: ConnectionOptions; startTls?: ConnectionOptions };

/** The configured servers in their order. */
export function serversOf(settings: Settings<"directory">): Server[] {
  const authority = settings.LDAP_CA === undefined ? {} : { ca: readAuthority(settings.LDAP_CA) };
  return settings.LDAP_URLS.map((configured) => {
    const url = settings.LDAP_USE_SSL ? configured.replace(/^ldap:/, "ldaps:") : configured;
    // ldapts takes any `tlsOptions` beside ldap:// for implicit TLS on that port, so only ldaps gets them.
    if (url.startsWith("ldaps:")) return { url, ldaps: { ...authority } };
    return settings.LDAP_START_TLS ? { url, startTls: { ...authority, ...nameToVerify(url) } } : { url };
  });
}

/** Without a host, Node verifies an upgraded socket against "localhost"; an IP address is no server name (RFC 6066 §3). */
function nameToVerify(url: string): ConnectionOptions {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "") || "localhost";
  return isIP(host) === 0 ? { host, servername: host } : { host };
}

/** @throws Error when the setting is neither PEM text nor the path of a file that holds some. */
export function readAuthority(setting: string): string {
  const pem = isPem(setting) ? setting : readFileSync(setting, "utf8");
  if (!isPem(pem)) throw new Error(`no PEM certificate in the file "${setting}"`);
  return pem;
}

const isPem = (text: string) => text.includes("-----BEGIN CERTIFICATE-----");
