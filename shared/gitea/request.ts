import { Api, type HttpResponse, type RequestParams } from "gitea-js";
import type * as z from "zod";
import type { Settings } from "../config.ts";
import { type FailedRequest, Permanent, Retryable, Unauthorized } from "../errors.ts";
import type { Invocation } from "../stage.ts";

/** What Gitea said, with every trap of gitea-js closed: no thrown Response, no followed redirect, no endless wait. */
export type Answer = {
  status: number;
  /** Parsed JSON; null when there was none. */
  body: unknown;
  /** Gitea's own words for a person; never branch on them (reference: conflicts differ only in text). */
  message: string;
  location: string | undefined;
  retryAfterSeconds: number | undefined;
  totalCount: number | undefined;
  /** When Gitea answered, by its own clock, in whole seconds. */
  answeredAt: Date | undefined;
  request: FailedRequest;
};

export type RequestOptions = {
  /** Statuses beside 2xx that the caller wants to decide on; all others throw by class. */
  expect?: readonly number[];
  /** Ask as this person; shows what they may see, proves nothing about their sign-in. */
  sudo?: string;
  /** Tokens are managed with HTTP Basic only. */
  isBasic?: boolean;
  timeoutMilliseconds?: number;
};

type Operation = (api: Api<unknown>, params: RequestParams) => Promise<HttpResponse<unknown>>;

/** Sends one request and turns the answer into a value, Permanent or Retryable (DESIGN §4, "Error classes"). */
export type Send = (
  request: { method: string; path: string },
  operation: Operation,
  options?: RequestOptions,
) => Promise<Answer>;

// Gitea answers in 5 – 40 ms (reference §8); the slow one, contents, has its own.
const TIMEOUT_MILLISECONDS = 3000;

export function createSend(settings: Settings<"gitea">, invocation: Invocation): Send {
  const api = new Api<unknown>({ baseUrl: `${settings.GITEA_URL}/api/v1`, baseApiParams: { format: "json" } });
  return async (request, operation, options = {}) => {
    const timeout = AbortSignal.timeout(options.timeoutMilliseconds ?? TIMEOUT_MILLISECONDS);
    invocation.requests.total += 1;
    if (request.method !== "GET") invocation.requests.writes += 1;
    const response = await settled(
      operation(api, {
        secure: false,
        redirect: "manual",
        signal: AbortSignal.any([invocation.signal, timeout]),
        headers: {
          Authorization: authorization(settings, options.isBasic),
          ...(options.sudo ? { Sudo: options.sudo } : {}),
        },
      }),
      request,
    );
    return classify(toAnswer(response, request), options.expect ?? []);
  };
}

/** A path segment as gitea-js wants it: it encodes nothing by itself, and `?` or `#` would cut the path. */
export const segment = encodeURIComponent;

function authorization(settings: Settings<"gitea">, isBasic: boolean | undefined): string {
  const { GITEA_TOKEN: token, GITEA_USERNAME: username, GITEA_PASSWORD: password } = settings;
  if (token && !isBasic) return `token ${token}`;
  // As a Basic password a token is taken under any user name (reference §5).
  const pair = token ? `${username ?? "hubforge"}:${token}` : `${username}:${password}`;
  return `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
}

async function settled(
  response: Promise<HttpResponse<unknown>>,
  request: FailedRequest,
): Promise<HttpResponse<unknown>> {
  try {
    return await response;
  } catch (thrown) {
    if (thrown instanceof Response) return thrown as HttpResponse<unknown>; // gitea-js throws every non-2xx this way
    throw noAnswer(thrown, request);
  }
}

function noAnswer(cause: unknown, request: FailedRequest): Retryable {
  const deepest = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const why = deepest instanceof Error ? deepest.message : String(deepest);
  return new Retryable("gitea.unreachable", `${request.method} ${request.path}: no answer from Gitea (${why})`, {
    cause,
    request,
  });
}

function toAnswer(response: HttpResponse<unknown>, { method, path }: FailedRequest): Answer {
  const request = { method, path, status: response.status };
  // A body that broke off is no answer; one that is not JSON (empty, text, a panic's HTML) is an answer without a body.
  if (response.error instanceof Error && !(response.error instanceof SyntaxError))
    throw noAnswer(response.error, request);
  const body: unknown = response.data ?? (response.error instanceof Error ? null : response.error);
  const totalCount = response.headers.get("x-total-count");
  return {
    status: response.status,
    body,
    message: messageOf(body, response.headers.get("content-type")),
    location: response.headers.get("location") ?? undefined,
    retryAfterSeconds: retryAfterSeconds(response.headers.get("retry-after")),
    totalCount: totalCount === null ? undefined : Number(totalCount),
    answeredAt: timeOf(response.headers.get("date")),
    request,
  };
}

function messageOf(body: unknown, contentType: string | null): string {
  if (
    typeof body === "object" &&
    body !== null &&
    "message" in body &&
    typeof body.message === "string" &&
    body.message
  ) {
    return body.message.slice(0, 500);
  }
  return contentType?.startsWith("application/json")
    ? "(no message)"
    : `(an answer without JSON, ${contentType ?? "no content type"})`;
}

function classify(answer: Answer, expected: readonly number[]): Answer {
  const { status, message, request, location } = answer;
  if ((status >= 200 && status < 300) || expected.includes(status)) return answer;
  const said = `${request.method} ${request.path} answered ${status}: ${message}`;
  if (status === 401 || status === 403) {
    throw new Unauthorized(
      "gitea.unauthorized",
      `${said}. Check GITEA_TOKEN: a site admin's, with the scopes that doctor names`,
      { request },
    );
  }
  if (status >= 300 && status < 400) {
    throw new Permanent(
      "gitea.moved",
      `${request.method} ${request.path} was renamed or transferred to ${location}: hubforge follows no renamed account or organisation`,
      { request },
    );
  }
  if (status >= 500 || status === 408 || status === 423 || status === 429) {
    const { retryAfterSeconds } = answer;
    throw new Retryable("gitea.failing", said, {
      request,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
  }
  throw new Permanent("gitea.refused", said, { request });
}

function timeOf(header: string | null): Date | undefined {
  const time = new Date(header ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

/** Seconds or an HTTP date (RFC 9110 §10.2.3). */
function retryAfterSeconds(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? seconds : undefined;
}

/**
 * Reads the fields that we use. A 2xx without them did not come from Gitea (a proxy's page, a wrong GITEA_URL) or was cut.
 * @throws Retryable `gitea.unreadable`
 */
export function read<Schema extends z.ZodType>(schema: Schema, answer: Answer): z.infer<Schema> {
  const parsed = schema.safeParse(answer.body);
  if (parsed.success) return parsed.data;
  const { method, path, status } = answer.request;
  const problem = parsed.error.issues[0];
  throw new Retryable(
    "gitea.unreadable",
    `${method} ${path} answered ${status}, but not as Gitea does (${problem?.path.join(".")}: ${problem?.message}); is GITEA_URL right?`,
    { request: answer.request },
  );
}

/** The refusal of a write whose outcome must be read back; `differs` says what is not as wanted. */
export function refused(code: string, answer: Answer, differs: string): Permanent {
  const { method, path, status } = answer.request;
  return new Permanent(code, `${differs} (${method} ${path} answered ${status}: ${answer.message})`, {
    request: answer.request,
  });
}
