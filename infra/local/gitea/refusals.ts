import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** Where the body of an error points to; Gitea puts it into (nearly) every one. */
function swaggerUrl(root: string): string {
  return `${root}/api/swagger`;
}

/** An answer that is not a success, thrown from wherever it is decided. `kind` says which of Gitea's shapes its body has. */
export class Refusal extends Error {
  readonly status: ContentfulStatusCode;
  readonly kind: "handler" | "loader" | "bare";
  readonly errors: string[] | null;

  constructor(
    status: ContentfulStatusCode,
    message: string,
    kind: "handler" | "loader" | "bare" = "handler",
    errors: string[] | null = null,
  ) {
    super(message);
    this.status = status;
    this.kind = kind;
    this.errors = errors;
  }

  body(root: string): object {
    if (this.kind === "bare") return { message: this.message };
    const answer = { message: this.message, url: swaggerUrl(root) };
    return this.kind === "loader" ? { errors: this.errors, ...answer } : answer;
  }
}

/** 404 in the shape of the loaders: `errors` null or a list. */
export function notFound(message = "not found", errors: string[] | null = null): Refusal {
  return new Refusal(404, message, "loader", errors);
}

export function invalid(message: string): Refusal {
  return new Refusal(422, message);
}

/** An answer that is neither a refusal nor JSON: redirects, HTML, plain text. */
export class RawAnswer extends Error {
  readonly response: Response;

  constructor(response: Response) {
    super(`answered ${response.status}`);
    this.response = response;
  }
}

/** The page that a handler which fell over leaves. */
export function pageOf500(): Response {
  const body = "<!DOCTYPE html><title>Internal Server Error</title><p>Internal Server Error\n";
  return new Response(body, { status: 500, headers: { "content-type": "text/html; charset=utf-8" } });
}

/** Gitea's redirect: relative, with a small HTML body on GET only. */
export function redirectTo(c: Context, location: string, status: 301 | 303 | 307): RawAnswer {
  const text = { 301: "Moved Permanently", 303: "See Other", 307: "Temporary Redirect" }[status];
  const isGet = c.req.method === "GET";
  return new RawAnswer(
    new Response(isGet ? `<a href="${location.replaceAll("&", "&amp;")}">${text}</a>.\n\n` : null, {
      status,
      headers: { location, ...(isGet ? { "content-type": "text/html; charset=utf-8" } : {}) },
    }),
  );
}

export function plainText(status: ContentfulStatusCode, text: string, headers: Record<string, string> = {}): RawAnswer {
  return new RawAnswer(
    new Response(text, { status, headers: { "content-type": "text/plain;charset=utf-8", ...headers } }),
  );
}

/** A success with a JSON body, labelled as Gitea labels it. */
export function json(c: Context, body: unknown, status: ContentfulStatusCode = 200): Response {
  return c.body(JSON.stringify(body), status, { "content-type": "application/json;charset=utf-8" });
}

export function noContent(c: Context): Response {
  return c.body(null, 204);
}
