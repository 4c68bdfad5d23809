import { randomUUID } from "node:crypto";
import * as z from "zod";
import { signDelivery } from "#shared/signature.ts";

/** What a hub says happened; shared/envelope.ts has the words. */
export type HubMessage = {
  type: "server.spawning" | "server.stopped";
  hub: string;
  user: string;
  server?: string;
  session?: string;
  account?: string;
  reason?: string;
  /** The `webhook-id`; the same again is the same delivery. */
  delivery?: string;
};
export type Posted = { status: number; delivery: string; message: string };

/** Posts one event as a hub would, signed with `secret`, to `<url>/v1/events`. */
export async function postEvent(url: string, secret: string, message: HubMessage): Promise<Posted> {
  const { type, delivery = `msg_${randomUUID()}`, ...rest } = message;
  const timestamp = new Date();
  const body = JSON.stringify({
    type,
    timestamp: timestamp.toISOString(),
    data: { server: "", session: randomUUID(), ...rest },
  });
  const response = await fetch(`${url.replace(/\/(v1\/events\/?)?$/, "")}/v1/events`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...signDelivery({ id: delivery, timestamp, body, secrets: [secret] }),
    },
    body,
    signal: AbortSignal.timeout(10_000),
  });
  return { status: response.status, delivery, message: messageOf(await response.text()) };
}

const Answer = z.object({
  message: z.string().optional(),
  issues: z.array(z.object({ path: z.array(z.union([z.string(), z.number()])), message: z.string() })).default([]),
});

function messageOf(text: string): string {
  try {
    const { message = "", issues } = Answer.parse(JSON.parse(text));
    return [message, ...issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`)].join("; ");
  } catch {
    return text.slice(0, 200);
  }
}
