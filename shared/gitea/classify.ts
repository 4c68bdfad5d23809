import { type FailedRequest, Permanent, Retryable, Unauthorized } from "../errors.ts";
import { why } from "../why.ts";
import type { Answer } from "./answer.ts";

/**
 * Lets through what succeeded and what the caller wants to decide on; everything else is thrown by its class
 * (README.md §6).
 */
export function classify(answer: Answer, expected: readonly number[]): Answer {
  const { status, body, request, location } = answer;
  if (status >= 300 && status < 400 && !isRename(answer)) {
    throw notGitea(`${request.method} ${request.path} was redirected to ${location}`, answer);
  }
  // A wrong path, or a proxy whose Gitea is away: every "not found" of Gitea's own comes as JSON (README.md §6).
  if (status === 404 && (typeof body !== "object" || body === null)) throw notGitea(said(answer), answer);
  if ((status >= 200 && status < 300) || expected.includes(status)) return answer;
  if (status === 401 || status === 403) {
    const advice =
      "Check GITEA_TOKEN: a site admin's, with the scopes write:admin, write:organization, write:repository and write:user";
    throw new Unauthorized("gitea.unauthorized", `${said(answer)}. ${advice}`, { request });
  }
  if (status >= 300 && status < 400) {
    const what = `${request.method} ${request.path} was renamed or transferred to ${location}`;
    throw new Permanent("gitea.moved", `${what}: hubforge follows no renamed account or organisation`, { request });
  }
  if (status >= 500 || status === 408 || status === 423 || status === 429) throw failing(answer);
  throw new Permanent("gitea.refused", said(answer), { request });
}

/** Gitea's redirects lead to the same thing under another name; any other comes from something in front of it. */
function isRename({ location, request }: Answer): boolean {
  const [, path] = /\/api\/v1(\/[^?]+?)\/*(?:\?|$)/.exec(location ?? "") ?? [];
  const asked = request.path.replace(/\?.*/, "");
  const there = path === undefined ? undefined : decoded(path);
  return there !== undefined && there.toLowerCase() !== asked.toLowerCase();
}

/** Undefined for what no server encodes: `%zz`. */
function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** An operator's matter, which may be over soon: a proxy, GITEA_URL, a login page in front of Gitea. */
export function notGitea(what: string, { request }: Pick<Answer, "request">): Retryable {
  return new Retryable("gitea.unreadable", `${what}: not as Gitea answers. Is GITEA_URL right?`, { request });
}

/** Gitea cannot just now, and says so. */
export function failing(answer: Answer, what?: string): Retryable {
  const { request, retryAfterSeconds } = answer;
  const message = what === undefined ? said(answer) : `${what} (${said(answer)})`;
  return new Retryable("gitea.failing", message, {
    request,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

export const said = ({ request, status, message }: Answer) =>
  `${request.method} ${request.path} answered ${status}: ${message}`;

/** The refusal of a write whose outcome was read back; `differs` says what is not as wanted. */
export function refused(code: string, answer: Answer, differs: string): Permanent {
  return new Permanent(code, `${differs} (${said(answer)})`, { request: answer.request });
}

/** Refused, broken off or too late: whether a write happened is not known. */
export function noAnswer(cause: unknown, request: FailedRequest): Retryable {
  const deepest = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return new Retryable(
    "gitea.unreachable",
    `${request.method} ${request.path}: no answer from Gitea (${why(deepest)})`,
    {
      cause,
      request,
    },
  );
}
