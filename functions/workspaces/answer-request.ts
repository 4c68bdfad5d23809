import { Permanent, Retryable } from "#shared/errors.ts";
import type { LogEvent, LogFields } from "#shared/log.ts";
import type { WorkspaceRequest } from "#shared/workspace-request.ts";
import { findWorkspace, type Workspace, type WorkspaceTools } from "./find-workspace.ts";
import { type Credentials, mintCredentials } from "./mint-credentials.ts";

type Answered = { event: LogEvent; body: Workspace & Partial<Credentials>; details: LogFields };

/**
 * What the hub asked for, and the line about it.
 * @throws Permanent or Retryable `identity.other-id` for whoever gets nothing, Retryable `workspace.pending` for credentials of a
 * repository that is not ready
 */
export async function answerRequest(
  request: WorkspaceRequest,
  tools: WorkspaceTools & { receivedAt: Date; now: () => Date },
): Promise<Answered> {
  refuseEnded(request);
  const { workspace, account } = await findWorkspace(request.data.user, tools);
  if (request.type === "workspace.status") {
    return { event: "workspace.reported", body: workspace, details: { outcome: workspace.state, account } };
  }
  if (workspace.state !== "ready" || account === undefined) {
    throw new Retryable("workspace.pending", "the repository is not ready: a token comes with it");
  }
  const { credentials, tokensRevoked } = await mintCredentials(request, account, tools);
  return { event: "credentials.minted", body: { ...workspace, ...credentials }, details: { account, tokensRevoked } };
}

/** Only a session that its hub counts among the live ones gets anything. */
function refuseEnded({ data }: WorkspaceRequest): void {
  const { server, session, sessions, user } = data;
  if (sessions.some((one) => one.server === server && one.session === session)) return;
  throw new Permanent("session.ended", `session ${session} is not among the live sessions of ${user}`);
}
