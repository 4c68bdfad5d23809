import {
  CloudWatchLogsClient,
  FilterLogEventsCommand,
  ResourceNotFoundException,
} from "@aws-sdk/client-cloudwatch-logs";
import { logGroup } from "../../stage-names.ts";
import { AwsTrouble } from "../aws-trouble.ts";
import { AWS_PATIENCE } from "../patience.ts";
import { isAbout, type LogLine, parseLogLine, type Sought } from "./log-line.ts";

export type CloudWatchQuestion = {
  deployment: string;
  /** As in serverless.yml, e.g. `identity`. */
  functions: readonly string[];
  field: Sought;
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
  const groups = functions.map((name) => logGroup(deployment, name));
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

/** As the client finds it. */
function endpointOfLogs(): string | undefined {
  return process.env["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"] || process.env["AWS_ENDPOINT_URL"] || undefined;
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
      for (const { message = "" } of page.events ?? []) {
        const line = parseLogLine(message.trim());
        if (line && isAbout(line, question.field, question.value)) found.push(line);
      }
      nextToken = page.nextToken;
    } while (nextToken);
    return found;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return [];
    throw AwsTrouble.ofLogs(error, endpointOfLogs());
  }
}

/** What a regular expression of a filter pattern may hold beside letters and digits; a dot is escaped. */
const IN_EXPRESSION = /^[\w#=@/;,.:-]+$/;

/**
 * A JSON pattern (CloudWatch Logs, "Filter pattern syntax"), which may match more than is meant: its strings know `\"` and
 * `\\`, but `*` stands for anything there, and case counts. A name in any case is an expression `%…%` where that knows all of
 * its characters, else the spellings that people use.
 */
function patternOf({ field, value }: Question): string {
  if (field !== "person") return `{ ${equals(field, value)} }`;
  if (IN_EXPRESSION.test(value)) return `{ $.person = %^${value.replaceAll(/[a-z.]/gi, inAnyCase)}$% }`;
  const lower = value.toLowerCase();
  const [first = ""] = lower;
  const spellings = new Set([value, lower, value.toUpperCase(), first.toUpperCase() + lower.slice(first.length)]);
  return `{ ${[...spellings].map((spelling) => `(${equals(field, spelling)})`).join(" || ")} }`;
}

function equals(field: Sought, value: string): string {
  return `$.${field} = "${value.replaceAll(/["\\]/g, "\\$&")}"`;
}

function inAnyCase(character: string): string {
  return character === "." ? "\\." : `[${character.toUpperCase()}${character.toLowerCase()}]`;
}
