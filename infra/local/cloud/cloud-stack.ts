import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { SQSClient } from "@aws-sdk/client-sqs";
import { deployStack } from "../../deploy/deploy-stack.ts";
import { oslsFolder, type Target } from "../../deploy/osls.ts";
import { logGroup, stackName } from "../../stage-names.ts";
import { LOCAL_REGION } from "../embedded-queues.ts";
import { type Ending, startTogether } from "../endings.ts";
import { awsEnvironment, setEnvironment } from "../environment.ts";
import { readFunctions } from "../functions.ts";
import type { Gitea } from "../gitea/server.ts";
import { createJournal } from "../journal.ts";
import { keptPort } from "../kept-port.ts";
import { findGitea, queueEnvironment } from "../parts.ts";
import { postEvent } from "../post-event.ts";
import { startSlapd } from "../slapd.ts";
import type { Stack, StackOptions } from "../stack.ts";
import type { Emulator, EmulatorOptions } from "./emulator.ts";
import { followFunctionLog } from "./function-log.ts";
import { leaveNothing, requireNoStack } from "./leave-nothing.ts";
import { queueUrls } from "./queue-urls.ts";
import { openRelay } from "./relay.ts";
import { writeStage } from "./write-stage.ts";

export type CloudOptions = Pick<
  StackOptions,
  "dir" | "ports" | "parameters" | "settings" | "webhookSecrets" | "giteaUrl" | "seedLdif" | "onPart"
> & {
  startEmulator(options: EmulatorOptions): Promise<Emulator>;
  /** Nothing of it is to stay: not in a cloud that runs on either. */
  isPassing?: boolean;
  /** Other sources for some functions' handlers. */
  handlers?: Readonly<Record<string, URL>>;
  /** Hears what osls prints and what is installed. */
  say?: (text: string) => void;
};

export type CloudStack = Stack & {
  target: Target;
  /** Deploys again what lies in this folder now. */
  deploy(): Promise<void>;
};

const STAGE = "local";

/**
 * The very template and bundles that go to AWS, deployed by osls to an emulator on loopback and run there in processes of
 * their own, beside the same slapd and Gitea as the embedded stack. Whatever `dir` holds from the last time is taken up again.
 */
export async function startCloudStack(options: CloudOptions): Promise<CloudStack> {
  return await startTogether((endings) => startParts(options, endings));
}

async function startParts(options: CloudOptions, endings: Ending[]): Promise<Omit<CloudStack, "stop">> {
  const { dir, parameters, onPart, say = () => undefined } = options;
  // First, because a deployment takes long and a port may be taken.
  const relay = await openRelay(options.ports);
  endings.push(() => relay.stop());
  const outside = await startOutside(options, endings);
  const emulator = await startEmulator(options, endings);

  const stageFile = join(dir, "stage.yml");
  const target: Target = { stage: STAGE, region: LOCAL_REGION, parameters: { stageFile, ...parameters } };
  const folder = join(dir, "service");
  if (options.isPassing && emulator.outlivesUs) {
    await requireNoStack(target, emulator.endpoint);
    endings.push(() => leaveNothing(target));
  }
  const webhookSecrets = options.webhookSecrets ?? { default: [`whsec_${randomBytes(32).toString("base64")}`] };
  const { slapd, gitea, giteaUrl } = outside;
  const found = { ...slapd.environment, ...giteaSettings(gitea, giteaUrl) };
  const ours = { ...found, WEBHOOK_SECRETS: JSON.stringify(webhookSecrets), STACK_HTTP: emulator.http };
  const settings = await writeStage(stageFile, { ...ours, ...options.settings });
  const deploy = async () => {
    await rm(folder, { recursive: true, force: true });
    return await deployStack({ ...target, folder: await oslsFolder(folder, options.handlers), say });
  };
  const startedAt = Date.now();
  const { status, outputs } = await deploy();
  onPart?.("Stack", `${stackName(target)} ${status} in ${((Date.now() - startedAt) / 1000).toFixed(0)} s`);

  const [[hub = "", [secret = ""] = []] = []] = Object.entries(webhookSecrets);
  relay.lead(addressesOf(emulator, outputs));
  onPart?.("Ingress", `${relay.url}/v1/events`);
  const around = await openAround(emulator, endings);
  const environment = { ...settings, ...queueEnvironment(around.queues, parameters) };
  return {
    hub,
    secret,
    url: relay.url,
    ...outside,
    ...around,
    send: (message) => postEvent(relay.url, secret, { ...message, hub }),
    target,
    deployed: { environment, stage: STAGE, parameters: parameters ?? {} },
    deploy: async () => void (await deploy()),
  };
}

/** What is no part of the cloud: the directory, and Gitea at the address of the last time, which clones hold. */
async function startOutside(options: CloudOptions, endings: Ending[]) {
  const { dir, seedLdif, onPart } = options;
  const slapd = await startSlapd({ dir: join(dir, "slapd"), ...(seedLdif && { seedLdif }) });
  endings.push(() => slapd.stop());
  onPart?.("LDAP", `slapd on ${slapd.url}`);
  const giteaPort = await keptPort(join(dir, "gitea"));
  const { gitea, giteaUrl } = await findGitea({ ...options, giteaPort }, slapd, endings);
  onPart?.("Gitea", gitea ? `${giteaUrl} (stand-in)` : giteaUrl);
  return { slapd, gitea, giteaUrl };
}

/** From now on whatever asks AWS asks the emulator. */
async function startEmulator({ dir, onPart, say = () => undefined, ...options }: CloudOptions, endings: Ending[]) {
  const emulator = await options.startEmulator({ dir: join(dir, "cloud"), say });
  endings.push(() => emulator.stop());
  onPart?.("Cloud", `${emulator.name} on ${emulator.endpoint}`);
  const region = { AWS_DEFAULT_REGION: LOCAL_REGION };
  endings.push(setEnvironment({ ...awsEnvironment(emulator.endpoint, LOCAL_REGION), ...region }));
  return emulator;
}

/** Somebody else's Gitea is never synced: the small university of this run must not decide who has left it. */
export function giteaSettings(
  standIn: Pick<Gitea, "token" | "sourceId"> | undefined,
  giteaUrl: string,
): Record<string, string> {
  if (!standIn) return { GITEA_URL: giteaUrl, STACK_SYNC: "false" };
  return { GITEA_URL: giteaUrl, GITEA_TOKEN: standIn.token, GITEA_AUTH_SOURCE_ID: String(standIn.sourceId) };
}

const deployedFunctions = () => readFunctions({ stage: STAGE, region: LOCAL_REGION });

/** Path → the function behind it. */
function addressesOf(emulator: Emulator, outputs: Readonly<Record<string, string>>) {
  return new Map(
    deployedFunctions().flatMap(({ name, routes }) =>
      routes.map((route) => [route.split(" ")[1] ?? "", emulator.addressOf(name, outputs)] as const),
    ),
  );
}

/** What is read around the deployed functions: their log as a journal, and their queues. */
async function openAround(emulator: Emulator, endings: Ending[]) {
  const journal = createJournal();
  const groups = deployedFunctions().map(({ name }) => logGroup(STAGE, name));
  const log = followFunctionLog(groups, journal.write);
  endings.push(() => log.stop());
  const sqs = new SQSClient({ region: LOCAL_REGION });
  endings.push(() => sqs.destroy());
  const queues = await queueUrls(sqs, emulator.endpoint, { stage: STAGE, region: LOCAL_REGION });
  return { queues, sqs, ...journal };
}
