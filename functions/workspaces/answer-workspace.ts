import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { timeout } from "hono/timeout";
import { connectOnce } from "#shared/connect-once.ts";
import type { log } from "#shared/log.ts";
import { receiveSigned } from "#shared/receive-signed.ts";
import type { WebhookSecrets } from "#shared/signature.ts";
import type { Invocation } from "#shared/stage.ts";
import { WorkspaceRequest } from "#shared/workspace-request.ts";
import { answerRequest } from "./answer-request.ts";
import type { Open } from "./connect-workspaces.ts";
import { refuseRequest, refuseWorkspace } from "./refuse-workspace.ts";

/** What the door needs from outside. `connect` is called again when other settings may mend what failed. */
export type Outside = {
  webhookSecrets: () => Promise<WebhookSecrets>;
  connect: () => Promise<Open>;
  now: () => Date;
  log: typeof log;
};

type Connection = ReturnType<typeof connectOnce<Open>>;

/** The hub hangs up after 8 s (infra/jupyterhub/hubforge_hub.py), and the way there and back takes its part. */
const WORK_MILLISECONDS = 7000;
const ANSWER_MILLISECONDS = 7500;

/**
 * `POST /v1/workspaces` (README.md): is the repository ready, and, for `workspace.credentials`, a token for this session.
 * 200 is what was asked for, so one to `workspace.credentials` always holds a token; 403 with a code for a person or session
 * that gets nothing; 409 `workspace.pending` for credentials that were asked for too early; 503 with Retry-After while
 * directory or Gitea cannot say. Unsigned and malformed requests are answered as by the ingress.
 */
export function createWorkspaces(outside: Outside): Hono {
  const app = new Hono();
  const connection = connectOnce(outside.connect);
  app.use(async (context, next) => {
    await next();
    context.header("Cache-Control", "no-store");
  });
  const tooLate = new HTTPException(503, { message: "no answer within the deadline" });
  app.post("/v1/workspaces", timeout(ANSWER_MILLISECONDS, tooLate), (context) => receive(context, connection, outside));
  app.all("/v1/workspaces", (context) =>
    context.json({ error: "not-allowed", message: "only POST" }, 405, { Allow: "POST" }),
  );
  app.notFound((context) => context.json({ error: "not-found", message: "POST /v1/workspaces" }, 404));
  app.onError((error, context) => refuseRequest(error, context, outside.log));
  return app;
}

async function receive(
  context: Context,
  connection: Connection,
  { webhookSecrets, now, log }: Outside,
): Promise<Response> {
  const receivedAt = now();
  const door = { schema: WorkspaceRequest, secrets: await webhookSecrets(), now: receivedAt };
  const { id, body: request } = await receiveSigned(context.req.raw, door);
  const subject = { delivery: id, hub: request.data.hub, person: request.data.user };
  const requests = { total: 0, writes: 0 };
  const invocation: Invocation = { signal: AbortSignal.timeout(WORK_MILLISECONDS), requests };
  try {
    const open = await connection.open();
    const tools = { ...open(invocation), signal: invocation.signal, receivedAt, now };
    const { event, body, details } = await answerRequest(request, tools);
    const milliseconds = now().getTime() - receivedAt.getTime();
    const counts = { giteaRequests: requests.total, giteaWrites: requests.writes };
    log(event, { ...subject, status: 200, ...details, milliseconds, ...counts });
    return context.json(body);
  } catch (error) {
    connection.forgetIfRefused(error);
    return refuseWorkspace(error, context, { type: request.type, subject, log });
  }
}
