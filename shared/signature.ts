import { createHmac, timingSafeEqual } from "node:crypto";

/** `WEBHOOK_SECRETS`: hub name → its active `whsec_…` secrets, several while one is being rotated. */
export type WebhookSecrets = Readonly<Record<string, readonly string[]>>;

/** Why a signature was refused: for the log, never for the sender. */
export type SignatureFault =
  | "signature.missing"
  | "signature.malformed"
  | "signature.stale"
  | "signature.future"
  | "signature.wrong";

const PAST_SECONDS = 300;
const FUTURE_SECONDS = 60;

/** A proxy folds header lines without end; rotation needs two entries. */
const LOOKED_AT_ENTRIES = 32;

/**
 * Verifies the Standard Webhooks headers (spec v1.0.0, README.md §5) over the raw bytes as received, and names the hubs one
 * of whose secrets signed them. Refuses attempts older than 300 s or more than 60 s ahead of `now`.
 */
export function verifySignature(delivery: {
  headers: Pick<Headers, "get">;
  rawBody: Uint8Array;
  secrets: WebhookSecrets;
  now: Date;
}): { hubs: string[] } | { refused: SignatureFault } {
  const { headers, rawBody, secrets, now } = delivery;
  const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((part) => headers.get(`webhook-${part}`));
  if (!id || !timestamp || !signatures) return { refused: "signature.missing" };
  // A dot in the id would let one signature fit two deliveries.
  if (id.includes(".") || !/^\d{1,12}$/.test(timestamp)) return { refused: "signature.malformed" };
  const ageSeconds = Math.floor(now.getTime() / 1000) - Number(timestamp);
  if (ageSeconds > PAST_SECONDS) return { refused: "signature.stale" };
  if (ageSeconds < -FUTURE_SECONDS) return { refused: "signature.future" };

  const offered = offeredSignatures(signatures);
  const isSignedBy = (secret: string) => {
    const wanted = hmac(secret, id, timestamp, rawBody);
    return offered.some((bytes) => timingSafeEqual(bytes, wanted));
  };
  const hubs = Object.keys(secrets).filter((hub) => secrets[hub]?.some(isSignedBy));
  return hubs.length > 0 ? { hubs } : { refused: "signature.wrong" };
}

/** The headers of one delivery attempt, with one `v1` entry for each secret: the sender's side of a rotation. */
export function signDelivery(delivery: {
  id: string;
  timestamp: Date;
  body: Uint8Array | string;
  secrets: readonly string[];
}): Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string> {
  const { id, body, secrets } = delivery;
  const timestamp = String(Math.floor(delivery.timestamp.getTime() / 1000));
  const entries = secrets.map((secret) => `v1,${hmac(secret, id, timestamp, body).toString("base64")}`);
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": entries.join(" ") };
}

function hmac(secret: string, id: string, timestamp: string, body: Uint8Array | string): Buffer {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  return createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
}

/**
 * Entries are `v1,<base64>`, separated by spaces or, where header lines were folded, by commas. So a signature is a word
 * that follows the word `v1`; other versions and junk are passed over and hide nothing behind them.
 */
function offeredSignatures(header: string): Buffer[] {
  const words = header.trim().split(/[\s,]+/, 2 * LOOKED_AT_ENTRIES);
  return words
    .filter((word, place) => words[place - 1] === "v1" && /^[A-Za-z0-9+/]{43}=$/.test(word))
    .map((word) => Buffer.from(word, "base64"));
}
