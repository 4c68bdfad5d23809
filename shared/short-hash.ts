import { hash } from "node:crypto";

/** Twelve hex digits of SHA-256: enough to tell apart everything that one deployment ever keeps at a time. */
export function shortHash(text: string): string {
  return hash("sha256", text).slice(0, 12);
}
