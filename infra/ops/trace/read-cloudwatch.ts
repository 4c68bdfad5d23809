import {
  CloudWatchLogsClient,
  FilterLogEventsCommand,
  ResourceNotFoundException,
} from "@aws-sdk/client-cloudwatch-logs";
import { AwsTrouble } from "../aws-trouble.ts";
import { AWS_PATIENCE } from "../patience.ts";
import { type LogLine, parseLogLine } from "./log-line.ts";

export type CloudWatchQuestion = {
  deployment: string;
  /** As in serverless.yml, e.g. `identity`. */
  functions: readonly string[];
  field: "delivery" | "person" | "failureId";
  value: string;
  since: Date;
  until: Date;
  signal?: AbortSignal | undefined;
};

const ASKED_AT_ONCE = 4;

/**
 * The lines of all functions of a deployment whose `field` is `value`, from CloudWatch Logs. Region, credentials and another
 * endpoint as every AWS client finds them; a function that has never run has no log group, which is no error.
 */
export async function readCloudWatch({ deployment, functions, ...question }: CloudWatchQuestion): Promise<LogLine[]> {
  const client = new CloudWatchLogsClient({ requestHandler: AWS_PATIENCE });
  const groups = functions.map((name) => `/aws/lambda/hubforge-${deployment}-${name}`);
  const found: LogLine[] = [];
  const work = async () => {
    for (let group = groups.shift(); group; group = groups.shift())
      found.push(...(await linesIn(client, group, question)));
  };
  try {
    await Promise.all(Array.from({ length: ASKED_AT_ONCE }, work));
    return found;
  } finally {
    client.destroy();
  }
}

type Question = Pick<CloudWatchQuestion, "field" | "value" | "since" | "until" | "signal">;

async function linesIn(client: CloudWatchLogsClient, logGroupName: string, question: Question): Promise<LogLine[]> {
  const found: LogLine[] = [];
  let nextToken: string | undefined;
  try {
    do {
      const command = new FilterLogEventsCommand({
        logGroupName,
        filterPattern: patternOf(question),
        startTime: question.since.getTime(),
        endTime: question.until.getTime(),
        ...(nextToken && { nextToken }),
      });
      const page = await client.send(command, question.signal && { abortSignal: question.signal });
      found.push(...(page.events ?? []).flatMap(({ message }) => parseLogLine(message?.trim() ?? "") ?? []));
      nextToken = page.nextToken;
    } while (nextToken);
    return found;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return [];
    throw AwsTrouble.ofLogs(error);
  }
}

/** A JSON pattern (CloudWatch Logs, "Filter pattern syntax"): its strings know `\"` and `\\`, and `*` stands for anything. */
function patternOf({ field, value }: Question): string {
  return `{ $.${field} = "${value.replaceAll(/["\\]/g, "\\$&")}" }`;
}
