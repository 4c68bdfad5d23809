import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { type Settings, SettingsError } from "../config.ts";

/** How one server is reached: plainly, by ldaps, or by StartTLS with these options. */
export type Server = { url: string; ldaps?: ConnectionOptions; startTls?: ConnectionOptions };

/** The configured servers in their order. @throws SettingsError when LDAP_CA is neither PEM nor a readable file. */
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

function readAuthority(setting: string): string {
  const pem = setting.includes("-----BEGIN CERTIFICATE-----") ? setting : readPem(setting);
  if (pem.includes("-----BEGIN CERTIFICATE-----")) return pem;
  throw new SettingsError(
    "wrong settings:\n  LDAP_CA: holds no PEM certificate, neither as text nor in the file it names",
  );
}

function readPem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SettingsError(`wrong settings:\n  LDAP_CA: is neither PEM text nor a file that can be read: ${why}`, {
      cause,
    });
  }
}
