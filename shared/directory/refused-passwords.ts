import { createHash } from "node:crypto";
import type { Settings } from "../config.ts";
import { Unauthorized } from "../errors.ts";

/** Longer than it takes to see a rotated secret, shorter than most directories' lock-out windows (shared/README.md §4). */
const NOT_AGAIN_FOR_MILLISECONDS = 5 * 60 * 1_000;

/** What this environment saw refused, and when. Only hashes: the passwords themselves are not kept. */
const refusedAt = new Map<string, number>();

/**
 * A bind that is known to be refused is not tried again for 5 minutes: each try counts towards the bind account's lock-out.
 * @throws Unauthorized `ldap.unauthorized`
 */
export function throwIfJustRefused(settings: Settings<"directory">, now: number): void {
  const at = refusedAt.get(keyOf(settings));
  if (at === undefined || now - at >= NOT_AGAIN_FOR_MILLISECONDS) return;
  const again = new Date(at + NOT_AGAIN_FOR_MILLISECONDS).toISOString();
  throw new Unauthorized(
    "ldap.unauthorized",
    `the directory refused LDAP_BIND_PASSWORD for "${settings.LDAP_BIND_DN}" at ${new Date(at).toISOString()}; ` +
      `the same password is not tried again before ${again}, so that the account is not locked`,
  );
}

export function rememberRefusal(settings: Settings<"directory">, now: number): void {
  refusedAt.set(keyOf(settings), now);
}

const keyOf = ({ LDAP_URLS, LDAP_BIND_DN, LDAP_BIND_PASSWORD }: Settings<"directory">) =>
  createHash("sha256")
    .update(JSON.stringify([LDAP_URLS, LDAP_BIND_DN, LDAP_BIND_PASSWORD]))
    .digest("hex");
