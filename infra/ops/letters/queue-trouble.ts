/** SQS could not be asked: one sentence that says what to set or to do. */
export class QueueTrouble extends Error {
  override readonly name = "QueueTrouble";

  /** By the name that AWS and the emulators give it; emulators put a prefix before it (reference/emulators.md §4). */
  static of(cause: unknown, url: string): QueueTrouble {
    if (cause instanceof QueueTrouble) return cause;
    const { name, message, code } = partsOf(cause);
    const queue = url.split("/").at(-1) ?? url;
    return new QueueTrouble(sentence(name, code, message, queue, url), { cause });
  }
}

function sentence(name: string, code: string, message: string, queue: string, url: string): string {
  if (/Credentials|TokenProvider|SSO/.test(name) || /credentials|session token/i.test(message)) {
    return `no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (${message})`;
  }
  if (/Region is missing/.test(message)) return "no AWS region: set AWS_REGION";
  if (/QueueDoesNotExist|NonExistentQueue/.test(name)) {
    return `there is no queue ${queue}: check --deployment, AWS_REGION and the account of your credentials`;
  }
  if (/InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|ExpiredToken/.test(name)) {
    return `AWS refuses these credentials: check AWS_PROFILE or sign in again (${message})`;
  }
  if (/AccessDenied|NotAuthorized/.test(name)) return `these AWS credentials may not use queue ${queue}: ${message}`;
  if (/^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH)/.test(code) || /Timeout|Network/.test(name)) {
    return `queue ${queue} does not answer (${code || name}): check AWS_ENDPOINT_URL and the network; it was looked for at ${hostOf(url)}`;
  }
  return `queue ${queue} refuses: ${name}: ${message}`;
}

function partsOf(cause: unknown): { name: string; message: string; code: string } {
  if (!(cause instanceof Error)) return { name: "Error", message: String(cause), code: "" };
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : "";
  // A refused connection to several addresses of one host comes as an AggregateError without a message.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : undefined;
  const message = cause.message || (first instanceof Error ? first.message : "");
  return { name: cause.name, message, code };
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
