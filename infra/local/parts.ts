import { join } from "node:path";
import { SQSClient } from "@aws-sdk/client-sqs";
import { CRASHED, DEAD_LETTERS, DEPARTURES, queueUrlVariable, STAGES } from "#shared/pipeline.ts";
import { type Parameters, type Place, templateParameters } from "../template.ts";
import { LOCAL_REGION, startEmbeddedQueues } from "./embedded-queues.ts";
import type { Ending } from "./endings.ts";
import { startGitea } from "./gitea/server.ts";
import { createQueues, type Queue, readQueues } from "./resources.ts";
import type { Slapd } from "./slapd.ts";
import type { StackOptions } from "./stack.ts";

export function regionOf({ sqsEndpoint }: StackOptions): string {
  return (sqsEndpoint && (process.env["AWS_REGION"] ?? process.env["AWS_DEFAULT_REGION"])) || LOCAL_REGION;
}

/** The embedded SQS, or the one that runs already, with all queues of the template. */
export async function startQueues(options: StackOptions, place: Place, endings: Ending[]) {
  let endpoint = options.sqsEndpoint;
  if (endpoint === undefined) {
    const dataDir = options.keepMessages ? join(options.dir, "queues") : undefined;
    const embedded = await startEmbeddedQueues(dataDir ? { dataDir } : {});
    endings.push(() => embedded.stop());
    endpoint = embedded.endpoint;
  }
  const { AWS_ACCESS_KEY_ID: accessKeyId = "test", AWS_SECRET_ACCESS_KEY: secretAccessKey = "test" } = process.env;
  const sqs = new SQSClient({ endpoint, region: place.region, credentials: { accessKeyId, secretAccessKey } });
  endings.push(() => sqs.destroy());
  const queues = await createQueues(sqs, endpoint, readQueues(place)).catch((cause: Error) => {
    throw new Error(
      `the SQS on ${endpoint} refuses (${cause.message}): start it, or unset AWS_ENDPOINT_URL for the embedded one`,
      { cause },
    );
  });
  return { endpoint, sqs, queues };
}

const QUEUES = [...STAGES, DEPARTURES, DEAD_LETTERS, CRASHED] as const;

/** What the template gives to functions about queues; the net's URL beside it, for `hubforge queues`. */
export function queueEnvironment(queues: Queue[], parameters: Parameters | undefined): Record<string, string> {
  const urls = QUEUES.map((name) => [queueUrlVariable(name), queues.find(({ queue }) => queue === name)?.url]);
  return { ...Object.fromEntries(urls), MAX_RECEIVE_COUNT: String(templateParameters(parameters)["maxReceiveCount"]) };
}

/** The stand-in, with our slapd as its source, or the Gitea that runs already. */
export async function findGitea(
  { dir, giteaUrl, giteaPort }: Pick<StackOptions, "dir" | "giteaUrl"> & { giteaPort?: number },
  slapd: Slapd,
  endings: Ending[],
) {
  if (giteaUrl !== undefined) return { gitea: undefined, giteaUrl };
  const { url, bindDn, bindPassword, environment } = slapd;
  const userBase = environment["LDAP_USER_SEARCH_BASE"] ?? slapd.base;
  const gitea = await startGitea({
    dir: join(dir, "gitea"),
    ...(giteaPort !== undefined && { port: giteaPort }),
    ldap: { url, bindDn, bindPassword, userBase, userFilter: "(uid=%s)" },
  });
  endings.push(() => gitea.stop());
  return { gitea, giteaUrl: gitea.url };
}
