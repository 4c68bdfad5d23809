import { createHash } from "node:crypto";
import { foldName } from "./names.ts";

/**
 * Gitea needs a mail address, unique among all, also for who has none: `.invalid` never receives (RFC 2606). Names that are
 * no mailbox get a hash.
 */
export function addressNobodyHas(username: string): string {
  const lower = username.toLowerCase();
  if (/^[a-z0-9][a-z0-9_.-]{0,62}$/.test(lower)) return `${lower}@hubforge.invalid`;
  const hash = createHash("sha256").update(foldName(username)).digest("hex").slice(0, 16);
  return `person-${hash}@hubforge.invalid`;
}
