import { type Context, Hono } from "hono";
import { type Envelope, HubEvent, type RouteName } from "#shared/envelope.ts";
import type { log } from "#shared/log.ts";
import { ROUTES, type StageName } from "#shared/pipeline.ts";
import { claimedId, Refused, receiveSigned, refuseStranger } from "#shared/receive-signed.ts";
import type { WebhookSecrets } from "#shared/signature.ts";

/** What the ingress needs from outside. `send` settles only after the queue has answered. */
export type IngressTools = {
  webhookSecrets: () => Promise<WebhookSecrets>;
  send: (stage: StageName, envelope: Envelope, signal: AbortSignal) => Promise<void>;
  now: () => Date;
  log: typeof log;
};

/** The hub's sender hangs up after 5 s (infra/jupyterhub/hubforge_hub.py): it gets its 503 before. */
const SEND_MILLISECONDS = 4000;
const RETRY_AFTER_SECONDS = 5;

const ROUTE_OF: Record<HubEvent["type"], RouteName> = { "server.spawning": "spawn", "server.stopped": "stop" };

/**
 * The HTTP ingress: `POST /v1/events` answers 202 only after SQS has accepted the envelope, everything else is a 4xx or 5xx
 * with nothing queued (shared/README.md §5). Whatever goes wrong unexpectedly is a 503, so that the hub sends it again.
 */
export function createIngress(tools: IngressTools): Hono {
  const app = new Hono();
  app.get("/healthz", (context) => context.json({ status: "ok" }));
  app.post("/v1/events", (context) => acceptEvent(context, tools));
  app.all("/healthz", (context) => notAllowed(context, "GET, HEAD"));
  app.all("/v1/events", (context) => notAllowed(context, "POST"));
  app.notFound((context) => context.json({ error: "not-found", message: "POST /v1/events or GET /healthz" }, 404));
  app.onError((error, context) => refuse(error, context, tools));
  return app;
}

async function acceptEvent(context: Context, { webhookSecrets, send, now, log }: IngressTools): Promise<Response> {
  const receivedAt = now();
  const door = { schema: HubEvent, secrets: await webhookSecrets(), now: receivedAt };
  const { id, body: event } = await receiveSigned(context.req.raw, door);
  const envelope = envelopeOf(event, id, receivedAt);
  await send(ROUTES[envelope.route][0], envelope, AbortSignal.timeout(SEND_MILLISECONDS));
  const { hub, user } = event.data;
  log("delivery.accepted", { delivery: id, hub, person: user, route: envelope.route, status: 202 });
  return context.json({ id, status: "queued" }, 202);
}

function envelopeOf(event: HubEvent, id: string, receivedAt: Date): Envelope {
  const { hub, user, server, session } = event.data;
  const { reason, account } = event.type === "server.stopped" ? event.data : {};
  return {
    version: 1,
    route: ROUTE_OF[event.type],
    delivery: {
      id,
      hub,
      user,
      server,
      session,
      occurredAt: event.timestamp,
      receivedAt: receivedAt.toISOString(),
      ...(reason ? { reason } : {}),
      ...(account ? { account } : {}),
    },
    replay: { number: 0, failedAt: [] },
    leave: [],
  };
}

function refuse(error: Error, context: Context, { log }: IngressTools): Response {
  if (error instanceof Refused) return refuseStranger(error, context, log);
  const delivery = claimedId(context);
  const code = "code" in error && typeof error.code === "string" ? error.code : "unexpected";
  log("delivery.not-queued", { delivery, status: 503, code, reason: error.message });
  const answer = { error: "not-queued", message: "the event was not queued: send it again" };
  return context.json(answer, 503, { "Retry-After": String(RETRY_AFTER_SECONDS) });
}

function notAllowed(context: Context, allowed: string): Response {
  return context.json({ error: "not-allowed", message: `only ${allowed}` }, 405, { Allow: allowed });
}
