import { handle } from "hono/aws-lambda";
import { log } from "#shared/log.ts";
import { webhookSecretsOf } from "#shared/webhook-secrets.ts";
import { createWorkspaces } from "./answer-workspace.ts";
import { connectWorkspaces } from "./connect-workspaces.ts";

const webhookSecrets = webhookSecretsOf(process.env);
const connect = () => connectWorkspaces(process.env);

/** Answers a hub's signed questions about one person's repository, and makes the token of a session. */
export const handler = handle(createWorkspaces({ webhookSecrets, connect, now: () => new Date(), log }));
