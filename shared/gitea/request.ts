import { Api, type HttpResponse, type RequestParams } from "gitea-js";
import type { Settings } from "../config.ts";
import { type FailedRequest, Permanent } from "../errors.ts";
import { TOKEN_USERNAME } from "../names.ts";
import type { Invocation } from "../stage.ts";
import { type Answer, toAnswer } from "./answer.ts";
import { boundedFetch } from "./bounded-fetch.ts";
import { classify, noAnswer } from "./classify.ts";

type RequestOptions = {
  /** Statuses beside 2xx that the caller wants to decide on; all others throw by class. */
  expect?: readonly number[];
  /** Ask as this person; shows what they may see, proves nothing about their sign-in. */
  sudo?: string;
  /** Tokens are managed with HTTP Basic only. */
  isBasic?: boolean;
  timeoutMilliseconds?: number;
};

type Operation = (api: Api<unknown>, params: RequestParams) => Promise<HttpResponse<unknown>>;

/** Sends one request and turns the answer into a value, Permanent or Retryable (README.md §6). */
export type Send = (
  request: { method: string; path: string },
  operation: Operation,
  options?: RequestOptions,
) => Promise<Answer>;

// Gitea answers in 5 – 40 ms (README.md §7); the slow one, contents, has its own.
const TIMEOUT_MILLISECONDS = 3000;

export function createSend(settings: Settings<"gitea">, invocation: Invocation): Send {
  const api = new Api<unknown>({
    baseUrl: `${settings.GITEA_URL}/api/v1`,
    baseApiParams: { format: "json" },
    customFetch: boundedFetch,
  });
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

/**
 * A path segment as gitea-js wants it: it encodes nothing by itself, and `?` or `#` would cut the path.
 * @throws Permanent `gitea.refused` for what is no name but a step in a path, encoded or not: fetch would take it
 */
export function segment(name: string): string {
  if (name === "." || name === "..") throw new Permanent("gitea.refused", `nothing in Gitea has the name "${name}"`);
  return encodeURIComponent(name);
}

function authorization(settings: Settings<"gitea">, isBasic: boolean | undefined): string {
  const { GITEA_TOKEN: token, GITEA_USERNAME: username, GITEA_PASSWORD: password } = settings;
  if (token && !isBasic) return `token ${token}`;
  // As a password a token is taken under any name (README.md §5); under this one a revoked token locks nobody out (rule 25).
  const pair = token ? `${TOKEN_USERNAME}:${token}` : `${username}:${password}`;
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
