/**
 * Why a question to AWS failed, by the names that AWS documents (its common errors); emulators put a prefix before them.
 * `missing`: no credentials were found here; `refused`: AWS does not know them; `denied`: they may not do this; `silent`: nobody answered.
 */
export type AwsFailure = {
  kind: "missing" | "refused" | "denied" | "silent" | "other";
  name: string;
  message: string;
  /** Node's own, e.g. `ECONNREFUSED`; empty where an answer came. */
  code: string;
};

export function awsFailureOf(cause: unknown): AwsFailure {
  if (!(cause instanceof Error)) return { kind: "other", name: "Error", message: String(cause), code: "" };
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : "";
  // A refused connection to several addresses of one host comes as an AggregateError without a message.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : undefined;
  const message = cause.message || (first instanceof Error ? first.message : "");
  return { kind: kindOf(cause.name, message, code), name: cause.name, message, code };
}

function kindOf(name: string, message: string, code: string): AwsFailure["kind"] {
  if (
    /ExpiredToken|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|InvalidSignature|AuthFailure/.test(name)
  )
    return "refused";
  if (/AccessDenied|NotAuthorized/.test(name)) return "denied";
  if (/Credentials|TokenProvider|SSO/.test(name) || /credentials|session token/i.test(message)) return "missing";
  if (/^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH)/.test(code) || /Timeout|Network|Abort/.test(name))
    return "silent";
  return "other";
}
