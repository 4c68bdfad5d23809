import { hash } from "node:crypto";
import { foldName } from "./names.ts";

/** What SQS takes as a group or deduplication id; AWS checks it, no emulator does (README.md §2). */
const LEGAL_ID = /^[!-~]{1,128}$/;

const SHA256_HEX = /^[0-9a-f]{64}$/;

/**
 * `value` as a `MessageGroupId`: itself where SQS takes it, else its SHA-256. A value that looks like a SHA-256 is hashed
 * too, so that nobody can name themselves into another person's group.
 */
export function groupId(value: string): string {
  return LEGAL_ID.test(value) && !SHA256_HEX.test(value) ? value : hash("sha256", value);
}

/** The group of a person known only by a name that was typed: `Ada` and `ada` are one (README.md §2). */
export function personGroup(user: string): string {
  return groupId(foldName(user));
}

/**
 * `<hub>:<webhook-id>:<stage>:<replay>` (README.md §6), its SHA-256 where SQS would refuse that. Only the id may hold a colon,
 * so two different deliveries never share one.
 */
export function deduplicationId(parts: { hub: string; id: string; stage: string; replay: number }): string {
  const text = `${parts.hub}:${parts.id}:${parts.stage}:${parts.replay}`;
  return LEGAL_ID.test(text) ? text : hash("sha256", text);
}
