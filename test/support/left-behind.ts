import * as z from "zod";
import { askAws } from "#shared/aws-json.ts";

/** By kind, the names of everything that an emulator has, beside the stack itself. */
export type LeftBehind = Record<string, string[]>;

/** What infra/ makes on the way to AWS, and where each kind is listed. */
export async function leftBehind(endpoint: string): Promise<LeftBehind> {
  const json = (service: string, target: string, body = {}) => askAws({ service, target, body });
  const query = async (service: string, version: string, action: string) => {
    const words = new URLSearchParams({ Action: action, Version: version, Scope: "Local" });
    const answer = await rawly(endpoint, service, { method: "POST", body: words });
    return [...(await answer.text()).matchAll(/<(?:Arn|QueueUrl)>([^<]*)</g)].map(([, name = ""]) => name);
  };
  const rest = async (service: string, path: string) => await (await rawly(`${endpoint}${path}`, service, {})).json();
  return {
    queues: namesIn(await json("sqs", "AmazonSQS.ListQueues"), "QueueUrls"),
    functions: namesIn(await rest("lambda", "/2015-03-31/functions/"), "Functions", "FunctionName"),
    mappings: namesIn(await rest("lambda", "/2015-03-31/event-source-mappings/"), "EventSourceMappings", "UUID"),
    roles: (await query("iam", "2010-05-08", "ListRoles")).filter((arn) => !arn.includes(":role/aws-service-role/")),
    policies: await query("iam", "2010-05-08", "ListPolicies"),
    rules: namesIn(await json("events", "AWSEvents.ListRules"), "Rules", "Name"),
    "log groups": namesIn(await json("logs", "Logs_20140328.DescribeLogGroups"), "logGroups", "logGroupName"),
    alarms: namesIn(
      await json("monitoring", "GraniteServiceVersion20100801.DescribeAlarms"),
      "MetricAlarms",
      "AlarmName",
    ),
    parameters: namesIn(await json("ssm", "AmazonSSM.DescribeParameters"), "Parameters", "Name"),
    secrets: namesIn(await json("secretsmanager", "secretsmanager.ListSecrets"), "SecretList", "Name"),
  };
}

/** HTTP APIs and dashboards, which LocalStack's open core does not have. */
export async function leftAtTheDoor(endpoint: string): Promise<LeftBehind> {
  const apis = await (await rawly(`${endpoint}/v2/apis`, "apigateway", {})).json();
  const dashboards = await askAws({
    service: "monitoring",
    target: "GraniteServiceVersion20100801.ListDashboards",
    body: {},
  });
  return {
    "HTTP APIs": namesIn(apis, "items", "name").concat(namesIn(apis, "Items", "Name")),
    dashboards: namesIn(dashboards, "DashboardEntries", "DashboardName"),
  };
}

/** An emulator looks at no signature, only at whose service it names. */
function rawly(url: string, service: string, init: RequestInit): Promise<Response> {
  const scope = `test/20261125/eu-central-1/${service}/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`;
  return fetch(url, { ...init, headers: { authorization, "x-amz-date": "20261125T000000Z" } });
}

function namesIn(answer: unknown, list: string, name?: string): string[] {
  const items = z.record(z.string(), z.unknown()).parse(answer)[list];
  return z
    .array(z.unknown())
    .parse(items ?? [])
    .map((item) =>
      name === undefined ? z.string().parse(item) : z.looseObject({ [name]: z.string() }).parse(item)[name],
    )
    .map(String)
    .toSorted();
}
