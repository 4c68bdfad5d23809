import type { HttpResponse } from "gitea-js";
import type * as z from "zod";
import type { FailedRequest } from "../errors.ts";
import { EndlessBody } from "./bounded-fetch.ts";
import { noAnswer, notGitea, said } from "./classify.ts";
import { isSame } from "./is-same.ts";

/** What Gitea said, with every trap of gitea-js closed: no thrown Response, no followed redirect, no endless wait. */
export type Answer = {
  status: number;
  /** Parsed JSON; null when there was none. */
  body: unknown;
  /** Gitea's own words for a person; never branch on them (rule 23 of README.md). */
  message: string;
  location: string | undefined;
  retryAfterSeconds: number | undefined;
  totalCount: number | undefined;
  /** When Gitea answered, by its own clock, in whole seconds. */
  answeredAt: Date | undefined;
  request: FailedRequest;
};

/** @throws Retryable when the body broke off */
export function toAnswer(response: HttpResponse<unknown>, { method, path }: FailedRequest): Answer {
  const request = { method, path, status: response.status };
  // A body that broke off is no answer; one that is not JSON (empty, text, a panic's HTML) is an answer without a body.
  if (response.error instanceof EndlessBody)
    throw notGitea(`${method} ${path} answered with ${response.error.message}`, { request });
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
  const problem = parsed.error.issues[0];
  throw notGitea(`${said(answer)} (${problem?.path.join(".")}: ${problem?.message})`, answer);
}

/**
 * `read` for what was asked for, or made, by its name: a cache or a proxy that mixed two answers up would give away
 * somebody's account, team or repository.
 * @throws Retryable `gitea.unreadable`
 */
export function readNamed<Schema extends z.ZodType>(
  schema: Schema,
  answer: Answer,
  asked: string,
  nameOf: (found: z.infer<Schema>) => string,
): z.infer<Schema> {
  const found = read(schema, answer);
  if (isSame(nameOf(found), asked)) return found;
  throw notGitea(`${said(answer)} (it tells of ${nameOf(found)}, asked was ${asked})`, answer);
}
