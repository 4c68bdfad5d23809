import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { SettingsError } from "#shared/config.ts";
import { Permanent, Retryable } from "#shared/errors.ts";
import type { LogFields, log } from "#shared/log.ts";
import { claimedId, Refused, refuseStranger } from "#shared/receive-signed.ts";
import { why } from "#shared/why.ts";
import type { WorkspaceRequest } from "#shared/workspace-request.ts";

type Refusal = { status: 403 | 409 | 422 | 503; code: string; reason: string; retryAfterSeconds?: number };

const RETRY_AFTER_SECONDS = 5;
/** A journey takes a second or two. */
const PENDING_SECONDS = 2;
/** The most that anybody is asked to wait (shared/README.md §4). */
const MAXIMUM_SECONDS = 900;

type About = { type: WorkspaceRequest["type"]; subject: LogFields; log: typeof log };

/** The answer to a signed request that gets nothing, and its line. What went wrong inside is for the log alone. */
export function refuseWorkspace(error: unknown, context: Context, { type, subject, log }: About): Response {
  const { status, code, reason, retryAfterSeconds } = refusalOf(error);
  const stack = code === "workspace.unexpected" && error instanceof Error ? { stack: error.stack } : {};
  const event = type === "workspace.credentials" ? "credentials.refused" : "workspace.refused";
  log(event, { ...subject, status, code, reason, ...stack });
  const message = status === 503 ? "hubforge cannot tell now: ask again" : reason;
  const headers = retryAfterSeconds === undefined ? {} : { "Retry-After": String(retryAfterSeconds) };
  return context.json({ error: ERRORS[status], code, message }, status, headers);
}

const ERRORS: Record<Refusal["status"], string> = {
  403: "refused",
  409: "pending",
  422: "failed",
  503: "unavailable",
};

function refusalOf(error: unknown): Refusal {
  if (error instanceof Permanent) {
    // Not about the person: Gitea refuses what hubforge asks for, and an operator has to look.
    const status = error.code.startsWith("gitea.") ? 422 : 403;
    return { status, code: error.code, reason: error.message };
  }
  if (error instanceof Retryable) return refusalOfRetryable(error);
  if (error instanceof HTTPException) return unavailable("workspace.deadline", error.message);
  if (error instanceof SettingsError) return unavailable("settings.wrong", error.message);
  return unavailable("workspace.unexpected", why(error));
}

function refusalOfRetryable({ code, message: reason, retryAfterSeconds }: Retryable): Refusal {
  // A journey may wait for an operator's decision; a token may not be given before it.
  if (code === "identity.other-id") return { status: 403, code, reason };
  if (code === "workspace.pending") return { status: 409, code, reason, retryAfterSeconds: PENDING_SECONDS };
  return unavailable(code, reason, retryAfterSeconds);
}

function unavailable(code: string, reason: string, asked = RETRY_AFTER_SECONDS): Refusal {
  const retryAfterSeconds = Math.min(Math.max(Math.ceil(asked), 1), MAXIMUM_SECONDS);
  return { status: 503, code, reason, retryAfterSeconds };
}

/** The answer to a request that never became a question: not let in, or too late. */
export function refuseRequest(error: Error, context: Context, write: typeof log): Response {
  if (error instanceof Refused) return refuseStranger(error, context, write);
  const delivery = claimedId(context);
  return refuseWorkspace(error, context, { type: "workspace.status", subject: { delivery }, log: write });
}
