import { type AwsFailure, awsFailureOf } from "../aws-failure.ts";

/** AWS (or what stands for it) could not be asked: one sentence that says what to set or to do. */
export class AwsTrouble extends Error {
  override readonly name = "AwsTrouble";

  /** By the name that AWS and the emulators give it; emulators put a prefix before it. */
  static of(cause: unknown, url: string): AwsTrouble {
    if (cause instanceof AwsTrouble) return cause;
    const queue = URL.canParse(url) ? (url.split("/").at(-1) ?? url) : url;
    return new AwsTrouble(sentence(awsFailureOf(cause), `queue ${queue}`, hostOf(url)), { cause });
  }

  static ofFunction(cause: unknown, name: string): AwsTrouble {
    return new AwsTrouble(sentence(awsFailureOf(cause), `function ${name}`, undefined), { cause });
  }

  /** @param endpoint where they were asked, if not at AWS: what stands for its queues may know no logs */
  static ofLogs(cause: unknown, endpoint: string | undefined): AwsTrouble {
    const failure = awsFailureOf(cause);
    const isStrange =
      endpoint !== undefined && !/Exception$|Credentials|Timeout|Network|Abort/.test(failure.name) && !failure.code;
    if (!isStrange) return new AwsTrouble(sentence(failure, "CloudWatch Logs", undefined), { cause });
    const advice = "set AWS_ENDPOINT_URL_CLOUDWATCH_LOGS, or beside QUEUE_URL_* HUBFORGE_LOG to a file of log lines";
    return new AwsTrouble(`${endpoint} answers as no CloudWatch Logs does (${failure.name}): ${advice}`, { cause });
  }
}

function sentence({ kind, name, message, code }: AwsFailure, what: string, host: string | undefined): string {
  if (kind === "missing")
    return `no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (${message})`;
  if (kind === "refused") return `AWS refuses these credentials: check AWS_PROFILE or sign in again (${message})`;
  if (kind === "denied") return `these AWS credentials may not use ${what}: ${message}`;
  if (/Region is missing/.test(message)) return "no AWS region: set AWS_REGION";
  if (/QueueDoesNotExist|NonExistentQueue/.test(name)) {
    return `there is no ${what}: check --deployment, AWS_REGION and the account of your credentials`;
  }
  if (kind === "silent") {
    const place = host === undefined ? "" : `; it was looked for at ${host}`;
    return `${what} does not answer (${code || name}): check AWS_ENDPOINT_URL and the network${place}`;
  }
  return `${what} refuses: ${name}: ${message}`;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
