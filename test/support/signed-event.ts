import { signDelivery } from "#shared/signature.ts";

/** Test secrets, 32 bytes each. */
export const SECRETS = {
  default: ["whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="],
  physics: ["whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="],
};
export const NOW = new Date("2026-11-24T09:00:05Z");

/** A hub's event as JSON text; `data` overrides single fields, also with what does not belong there. */
export function eventBody(data: Record<string, unknown> = {}, event: Record<string, unknown> = {}): string {
  return JSON.stringify({
    type: "server.spawning",
    timestamp: "2026-11-24T09:00:00Z",
    data: { hub: "default", user: "ada", server: "", session: "0192f0c1", ...data },
    ...event,
  });
}

/** The headers of a rightly signed attempt, unless told otherwise. */
export function signedHeaders(
  body: string | Uint8Array,
  { id = "evt_01", at = NOW, secrets = SECRETS.default }: { id?: string; at?: Date; secrets?: readonly string[] } = {},
): Record<string, string> {
  return { "content-type": "application/json", ...signDelivery({ id, timestamp: at, body, secrets }) };
}
