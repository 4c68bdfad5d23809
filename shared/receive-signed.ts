import type { Context } from "hono";
import type * as z from "zod";
import type { log } from "./log.ts";
import { type SignatureFault, verifySignature, type WebhookSecrets } from "./signature.ts";

/** 64 KiB (README.md §5); Standard Webhooks advises less than 20 kB. */
const MAXIMUM_BODY_BYTES = 64 * 1024;

type Status = 400 | 401 | 413 | 415 | 422;
type Issues = z.core.$ZodIssue[];

/** A request that was not let in. `code` and `message` are for the log; what the sender may see is `answer`. */
export class Refused extends Error {
  readonly status: Status;
  readonly code: string;
  readonly answer: { error: string; message: string; issues?: Issues };

  constructor(status: Status, code: string, message: string, issues?: Issues) {
    super(message);
    this.status = status;
    this.code = code;
    // One answer for every 401: which part was wrong would help whoever is guessing.
    if (status === 401) this.answer = { error: "unauthorized", message: "the signature is missing, wrong or too old" };
    else this.answer = { error: code, message, ...(issues ? { issues } : {}) };
  }
}

/** An id that was not signed is a stranger's text, but a short and harmless one: it helps to find the sender. */
export function claimedId(context: Context): string {
  return context.req.header("webhook-id")?.slice(0, 100) ?? "";
}

/** The answer to what was not let in, and its line. */
export function refuseStranger(error: Refused, context: Context, write: typeof log): Response {
  const { status, code, message: reason } = error;
  write("delivery.refused", { delivery: claimedId(context), status, code, reason });
  return context.json(error.answer, status);
}

/** What a door needs to tell whom it lets in. */
export type Door<Body> = { schema: z.ZodType<Body>; secrets: WebhookSecrets; now: Date };

/**
 * Lets in one signed JSON request (README.md §5): content type, size, `webhook-id`, signature over the raw bytes, JSON, schema,
 * and that the hub in the body is the one whose secret signed. Returns the `webhook-id` and the parsed body.
 * @throws Refused with the status to answer
 */
export async function receiveSigned<Body extends { data: { hub: string } }>(
  request: Request,
  { schema, secrets, now }: Door<Body>,
): Promise<{ id: string; body: Body }> {
  const { headers } = request;
  if (!/^application\/json\s*(?:;|$)/i.test(headers.get("content-type") ?? "")) {
    throw new Refused(415, "content-type", "send application/json");
  }
  const rawBody = await readBody(request);
  const id = headers.get("webhook-id") ?? "";
  if (headers.has("webhook-id") && !/^[A-Za-z0-9_-]{1,100}$/.test(id)) {
    throw new Refused(400, "webhook-id", "webhook-id must be 1 to 100 letters, digits, - or _");
  }
  const verified = verifySignature({ headers, rawBody, secrets, now });
  if ("refused" in verified) throw new Refused(401, verified.refused, MEANING[verified.refused]);

  const parsed = schema.safeParse(parseJson(rawBody));
  if (!parsed.success) throw new Refused(422, "invalid", "the event does not fit its schema", parsed.error.issues);
  const { hub } = parsed.data.data;
  if (!verified.hubs.includes(hub)) {
    throw new Refused(401, "signature.other-hub", `the body names hub ${hub}, signed by ${verified.hubs.join(", ")}`);
  }
  return { id, body: parsed.data };
}

const MEANING: Record<SignatureFault, string> = {
  "signature.missing": "webhook-id, webhook-timestamp or webhook-signature is missing",
  "signature.malformed": "webhook-timestamp is no plain integer",
  "signature.stale": "signed more than 300 s ago: a late attempt needs a new timestamp, or a clock is wrong",
  "signature.future": "signed more than 60 s ahead: a clock is wrong",
  "signature.wrong": "no active secret gives any of the offered signatures",
};

/** Reads at most the limit, whatever Content-Length promises: a chunked body has none. */
async function readBody(request: Request): Promise<Uint8Array> {
  const tooLarge = new Refused(413, "too-large", `the body may have ${MAXIMUM_BODY_BYTES} bytes`);
  if (Number(request.headers.get("content-length")) > MAXIMUM_BODY_BYTES) throw tooLarge;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > MAXIMUM_BODY_BYTES) throw tooLarge;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseJson(rawBody: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(rawBody));
  } catch {
    throw new Refused(400, "malformed", "the body is not JSON in UTF-8");
  }
}
