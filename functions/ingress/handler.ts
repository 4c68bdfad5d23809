import { handle } from "hono/aws-lambda";
import { log } from "#shared/log.ts";
import { createSender } from "#shared/queue.ts";
import { webhookSecretsOf } from "#shared/webhook-secrets.ts";
import { createIngress } from "./accept-event.ts";

const webhookSecrets = webhookSecretsOf(process.env);
const { sendEnvelope } = createSender(process.env);

/** Accepts signed hub events for the queues `identity` and `release`. */
export const handler = handle(createIngress({ webhookSecrets, send: sendEnvelope, now: () => new Date(), log }));
