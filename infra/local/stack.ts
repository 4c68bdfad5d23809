import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { SQSClient } from "@aws-sdk/client-sqs";
import { departureDelaySeconds } from "#shared/config/schedule.ts";
import { loadSettings } from "#shared/config.ts";
import { setLogWriter } from "#shared/log.ts";
import type { Parameters, Place } from "../template.ts";
import { type Ending, startTogether } from "./endings.ts";
import { awsEnvironment, setEnvironment } from "./environment.ts";
import { readFunctions } from "./functions.ts";
import type { Gitea } from "./gitea/server.ts";
import { createJournal, type Journal } from "./journal.ts";
import { findGitea, queueEnvironment, regionOf, startQueues } from "./parts.ts";
import { type HubMessage, type Posted, postEvent } from "./post-event.ts";
import type { Queue } from "./resources.ts";
import { type Slapd, startSlapd } from "./slapd.ts";
import { wakeFunctions } from "./wake.ts";

export type StackOptions = {
  /** Where slapd and Gitea keep their state; the same folder again goes on where it ended. */
  dir: string;
  /** Keeps the queues' messages there as well; without it they live in memory. */
  keepMessages?: boolean;
  /** Where the door may listen, tried in this order; any free port by default. */
  ports?: readonly number[];
  /** The template's, e.g. `{ visibilityTimeoutSeconds: 2 }`. */
  parameters?: Parameters;
  /** Settings of shared/config.ts on top of those that the parts bring with them. */
  settings?: Record<string, string>;
  /** Hub → its secrets; by default one hub, `default`, with a fresh one. */
  webhookSecrets?: Record<string, string[]>;
  /** A Gitea that runs already, instead of the stand-in; `settings` or the environment hold its token. */
  giteaUrl?: string;
  /** An SQS that runs already (LocalStack), instead of the embedded one. */
  sqsEndpoint?: string;
  /** Who is in the directory; the small university by default. */
  seedLdif?: string;
  /** Runs the directory sync at start and then every SYNC_SCHEDULE. */
  isSyncing?: boolean;
  /** Hears of each part as it stands. */
  onPart?: (part: string, where: string) => void;
  /** Hears what Lambda's or the queue's own log would tell. */
  onTrouble?: (sentence: string) => void;
};

export type Stack = {
  /** The door: `POST <url>/v1/events`. */
  url: string;
  hub: string;
  secret: string;
  slapd: Slapd;
  /** Undefined where a Gitea of the user's own is used. */
  gitea: Gitea | undefined;
  giteaUrl: string;
  queues: Queue[];
  sqs: SQSClient;
  /** Only of the emulated cloud: its functions' settings, with references for secrets, and how it was deployed. */
  deployed?: { environment: Readonly<Record<string, string>>; stage: string; parameters: Parameters };
  /** Posts one event as the hub would. */
  send(message: Omit<HubMessage, "hub">): Promise<Posted>;
  stop(): Promise<void>;
} & Pick<Journal, "lines" | "onLine" | "follow">;

/**
 * The whole journey on loopback, in this process (slapd beside it): SQS, Gitea, the door and the deployed handlers.
 * They read `process.env` and write one log, so a process can hold one stack at a time.
 */
export async function startLocalStack(options: StackOptions): Promise<Stack> {
  return await startTogether((endings) => startParts(options, endings));
}

async function startParts(options: StackOptions, endings: Ending[]): Promise<Omit<Stack, "stop">> {
  const { dir, seedLdif, onPart } = options;
  const { SYNC_SCHEDULE: schedule } = await loadSettings(["sync"], { ...process.env, ...options.settings });
  const parameters = { departureDelaySeconds: departureDelaySeconds(schedule), ...options.parameters };
  const place: Place = { stage: "local", region: regionOf(options), parameters };

  const slapd = await startSlapd({ dir: join(dir, "slapd"), ...(seedLdif && { seedLdif }) });
  endings.push(() => slapd.stop());
  onPart?.("LDAP", `slapd on ${slapd.url}`);

  const { endpoint, sqs, queues } = await startQueues(options, place, endings);
  onPart?.("Queues", `${queues.length} on ${endpoint}${options.sqsEndpoint ? "" : " (embedded)"}`);

  const { gitea, giteaUrl } = await findGitea(options, slapd, endings);
  onPart?.("Gitea", gitea ? `${giteaUrl} (stand-in)` : giteaUrl);

  const webhookSecrets = options.webhookSecrets ?? { default: [`whsec_${randomBytes(32).toString("base64")}`] };
  const restore = setEnvironment({
    ...awsEnvironment(endpoint, place.region),
    ...queueEnvironment(queues, options.parameters),
    ...slapd.environment,
    ...(gitea && { GITEA_TOKEN: gitea.token, GITEA_AUTH_SOURCE_ID: String(gitea.sourceId) }),
    GITEA_URL: giteaUrl,
    WEBHOOK_SECRETS: JSON.stringify(webhookSecrets),
    ...options.settings,
  });
  endings.push(restore);
  await loadSettings(["webhooks", "directory", "gitea", "templates", "retries"], process.env);

  const journal = createJournal();
  const parts = { place, queues, sqs, journal, ...(options.isSyncing && { schedule }) };
  const url = await startFunctions(options, parts, endings);
  onPart?.("Ingress", `${url}/v1/events`);

  const [[hub = "", [secret = ""] = []] = []] = Object.entries(webhookSecrets);
  const send: Stack["send"] = (message) => postEvent(url, secret, { ...message, hub });
  return { url, hub, secret, slapd, gitea, giteaUrl, queues, sqs, ...journal, send };
}

type Parts = { place: Place; queues: Queue[]; sqs: SQSClient; journal: Journal; schedule?: string };

async function startFunctions(options: StackOptions, parts: Parts, endings: Ending[]): Promise<string> {
  const { place, queues, sqs, journal, schedule } = parts;
  setLogWriter(journal.write);
  const awake = await wakeFunctions({
    functions: readFunctions(place),
    queues,
    sqs,
    onMessage: journal.noteMessage,
    ...(schedule && { schedule }),
    ...(options.ports && { ports: options.ports }),
    ...(options.onTrouble && { onTrouble: options.onTrouble }),
  });
  // A queue that ends with us takes a waiting poll along; one that lives on must not hand a message to nobody.
  endings.push(() => awake.stop({ hangUp: !options.sqsEndpoint && !options.keepMessages }));
  return awake.url;
}
