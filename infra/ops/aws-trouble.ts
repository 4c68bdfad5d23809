/** AWS (or what stands for it) could not be asked: one sentence that says what to set or to do. */
export class AwsTrouble extends Error {
  override readonly name = "AwsTrouble";

  /** By the name that AWS and the emulators give it; emulators put a prefix before it. */
  static of(cause: unknown, url: string): AwsTrouble {
    if (cause instanceof AwsTrouble) return cause;
    const queue = URL.canParse(url) ? (url.split("/").at(-1) ?? url) : url;
    return new AwsTrouble(sentence(partsOf(cause), `queue ${queue}`, hostOf(url)), { cause });
  }

  static ofFunction(cause: unknown, name: string): AwsTrouble {
    return new AwsTrouble(sentence(partsOf(cause), `function ${name}`, undefined), { cause });
  }

  /** @param endpoint where they were asked, if not at AWS: what stands for its queues may know no logs */
  static ofLogs(cause: unknown, endpoint: string | undefined): AwsTrouble {
    const parts = partsOf(cause);
    const isStrange =
      endpoint !== undefined && !/Exception$|Credentials|Timeout|Network|Abort/.test(parts.name) && !parts.code;
    if (!isStrange) return new AwsTrouble(sentence(parts, "CloudWatch Logs", undefined), { cause });
    const advice = "set AWS_ENDPOINT_URL_CLOUDWATCH_LOGS, or beside QUEUE_URL_* HUBFORGE_LOG to a file of log lines";
    return new AwsTrouble(`${endpoint} answers as no CloudWatch Logs does (${parts.name}): ${advice}`, { cause });
  }
}

type Parts = { name: string; message: string; code: string };

function sentence({ name, message, code }: Parts, what: string, host: string | undefined): string {
  if (/Credentials|TokenProvider|SSO/.test(name) || /credentials|session token/i.test(message)) {
    return `no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (${message})`;
  }
  if (/Region is missing/.test(message)) return "no AWS region: set AWS_REGION";
  if (/QueueDoesNotExist|NonExistentQueue/.test(name)) {
    return `there is no ${what}: check --deployment, AWS_REGION and the account of your credentials`;
  }
  if (/InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|ExpiredToken/.test(name)) {
    return `AWS refuses these credentials: check AWS_PROFILE or sign in again (${message})`;
  }
  if (/AccessDenied|NotAuthorized/.test(name)) return `these AWS credentials may not use ${what}: ${message}`;
  if (/^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH)/.test(code) || /Timeout|Network|Abort/.test(name)) {
    const place = host === undefined ? "" : `; it was looked for at ${host}`;
    return `${what} does not answer (${code || name}): check AWS_ENDPOINT_URL and the network${place}`;
  }
  return `${what} refuses: ${name}: ${message}`;
}

function partsOf(cause: unknown): Parts {
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
