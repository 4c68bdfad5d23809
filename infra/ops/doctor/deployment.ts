import { GetQueueAttributesCommand, GetQueueUrlCommand, type SQSClient } from "@aws-sdk/client-sqs";
import * as z from "zod";
import { DEFAULT_SCHEDULE, departureDelaySeconds } from "#shared/config/schedule.ts";
import { type Environment, loadSettings, type Settings } from "#shared/config.ts";
import { createDirectory, type Everybody } from "#shared/directory.ts";
import { createOnce } from "#shared/gitea.ts";
import { queueUrlVariable } from "#shared/pipeline.ts";
import type { Place } from "../../template.ts";
import { AwsTrouble } from "../aws-trouble.ts";
import { hintOf } from "../output/hint.ts";
import { createSqsClient, regionIn } from "../sqs.ts";
import { ALL_QUEUES, NO_STACK, stageOfUrls, type Target } from "../target.ts";

/** What is looked at: a target, where it runs, and what several checks ask of it, asked once. */
export type Deployment = {
  environment: Environment;
  place: Place;
  /** Whether its functions are a stack on AWS or an emulator: else there is no Lambda to ask. */
  isStack: boolean;
  /** Where it is none: why not. */
  whyNoStack: string;
  /** What the advice calls it, e.g. `npm run deploy -- --stage prod`. */
  redeploy: string;
  /** A command of hubforge's about it, to copy. */
  hint(command: string, parts?: Parameters<typeof hintOf>[2]): string;
  /** Where its settings stand. */
  settingsPlace: string;
  signal: AbortSignal;
  /** Where AWS is asked. @throws AwsTrouble where neither a setting nor a profile tells it */
  region(): Promise<string>;
  /** False where only the stack's outputs on AWS can tell the next. */
  isIngressTold: boolean;
  /** Where the hub posts its events; undefined where nobody has said it. */
  ingress(): Promise<string | undefined>;
  settings<Section extends Sections>(section: Section): Promise<Settings<Section>>;
  /** What the queue is, by its full name. @throws AwsTrouble */
  attributes(queue: { name: string; queue: string }): Promise<Attributes>;
  everybody(): Promise<Everybody>;
};

export type Sections = "webhooks" | "gitea" | "directory" | "templates" | "retries" | "sync";
/** `skewMilliseconds`: how far the other clock is ahead of ours. */
type Attributes = { values: Record<string, string>; skewMilliseconds: number | undefined };

/** Longer than SQS ever takes; the client's own tries are within it. */
const SQS_MILLISECONDS = 8_000;

type Options = {
  signal: AbortSignal;
  isIngressTold: boolean;
  /** The address of the ingress, without its path. */
  ingress: (region: Deployment["region"]) => Promise<string | undefined>;
};

export function openDeployment(
  target: Target,
  { signal, isIngressTold, ingress }: Options,
): Deployment & { close(): void } {
  const { environment, deployment } = target;
  const once = createOnce();
  const sqs = createSqsClient(environment);
  const skews = recordSkews(sqs);
  const region = () => once("region", () => regionOf(sqs));
  const settings: Deployment["settings"] = (section) =>
    once(`settings ${section}`, () => loadSettings([section], environment));
  const everybody = async () => {
    const groupTeams = await settings("gitea").then(
      ({ GROUP_TEAMS }) => GROUP_TEAMS,
      () => ({}), // the settings' own check says so
    );
    return await createDirectory(await settings("directory")).readAll({ groupDns: Object.keys(groupTeams) }, signal);
  };
  return {
    environment,
    place: placeOf(target),
    isStack: deployment !== undefined,
    whyNoStack: whyNoStack(target),
    hint: (command, parts) => hintOf(target, command, parts),
    ...adviceFor(target),
    signal,
    region,
    isIngressTold,
    ingress: () => once("ingress", () => ingress(region)),
    settings,
    attributes: (queue) =>
      once(`queue ${queue.name}`, async () => ({
        values: await readAttributes(sqs, queue, { environment, signal }),
        skewMilliseconds: skews.at(-1),
      })),
    everybody: () => once("everybody", everybody),
    close: () => sqs.destroy(),
  };
}

/** The template's values there: a departure waits for one interval of the sync, the others as it was deployed. */
function placeOf({ environment, deployment, parameters }: Target): Place {
  const { SYNC_SCHEDULE = DEFAULT_SCHEDULE } = environment;
  return {
    stage: deployment?.stage ?? NO_STACK,
    region: regionIn(environment) ?? "",
    parameters: { departureDelaySeconds: departureDelaySeconds(SYNC_SCHEDULE), ...parameters },
  };
}

function whyNoStack({ stack, environment }: Target): string {
  if (stack || stageOfUrls(environment) === NO_STACK) return "this stack has no Lambda; it wakes its functions itself";
  return "QUEUE_URL_* tells no deployment whose Lambda could be asked; --deployment names one";
}

function adviceFor(target: Target): Pick<Deployment, "redeploy" | "settingsPlace"> {
  const { stage } = placeOf(target);
  if (target.stack) return { redeploy: "start it again (npm start)", settingsPlace: "the shell that runs npm start" };
  return {
    redeploy: `npm run deploy -- --stage ${stage}`,
    settingsPlace: target.deployment ? `infra/stages/${stage}.yml or this shell` : "this shell",
  };
}

type Reach = { environment: Environment; signal: AbortSignal };

async function regionOf(sqs: SQSClient): Promise<string> {
  try {
    return await sqs.config.region();
  } catch (cause) {
    throw AwsTrouble.of(cause, "");
  }
}

async function readAttributes(
  sqs: SQSClient,
  { name, queue }: { name: string; queue: string },
  { environment, signal }: Reach,
): Promise<Record<string, string>> {
  const inTime = () => ({ abortSignal: AbortSignal.any([signal, AbortSignal.timeout(SQS_MILLISECONDS)]) });
  const ours = ALL_QUEUES.find((one) => one === queue);
  const known = ours && environment[queueUrlVariable(ours)];
  try {
    const url = known ?? (await sqs.send(new GetQueueUrlCommand({ QueueName: name }), inTime())).QueueUrl;
    const question = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] });
    const { Attributes = {} } = await sqs.send(question, inTime());
    return z.record(z.string(), z.string()).parse(Attributes);
  } catch (cause) {
    throw AwsTrouble.of(cause, known ?? name);
  }
}

const Dated = z.object({ response: z.object({ headers: z.record(z.string(), z.string()) }) });

/** How far SQS's clock is ahead of ours in milliseconds, from the `Date` header of every answer. */
function recordSkews(sqs: SQSClient): number[] {
  const skews: number[] = [];
  sqs.middlewareStack.add(
    (next) => async (input) => {
      const sentAt = Date.now();
      const answer = await next(input);
      const date = Dated.safeParse(answer).data?.response.headers["date"];
      if (date) skews.push(skewOf(new Date(date), sentAt));
      return answer;
    },
    { step: "deserialize", priority: "low", name: "recordSkews" },
  );
  return skews;
}

/** A clock that tells whole seconds, read somewhere between `sentAt` and now: what is left is skew. */
export function skewOf(date: Date, sentAt: number): number {
  const [earliest, latest] = [sentAt - 1000, Date.now()];
  const told = date.getTime();
  if (told < earliest) return told - earliest;
  return told > latest ? told - latest : 0;
}
