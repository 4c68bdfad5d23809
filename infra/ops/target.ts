import { GetQueueUrlCommand } from "@aws-sdk/client-sqs";
import type { Environment } from "#shared/config.ts";
import { CRASHED, DEAD_LETTERS, DEPARTURES, type QueueName, queueUrlVariable, STAGES } from "#shared/pipeline.ts";
import { readStageValues, stagesHere } from "../deploy/stage-file.ts";
import { stackName } from "../stage-names.ts";
import type { Parameters } from "../template.ts";
import { AwsTrouble } from "./aws-trouble.ts";
import { type LocalStack, runningStacks } from "./local-stack.ts";
import { didYouMean } from "./nearest.ts";
import { createSqsClient } from "./sqs.ts";
import { UsageError } from "./usage-error.ts";

/** Which hubforge a command works on. */
export type Target = {
  /** For people: `the local stack`, `deployment prod`. */
  name: string;
  /** As `--deployment` or `HUBFORGE_DEPLOYMENT` called it: what is told to do next is about the same one. */
  asked?: string | undefined;
  /** What somebody should know who did not say which: other local stacks run as well. */
  aside?: string;
  /** Settings of shared/config.ts and `QUEUE_URL_*` of all queues. */
  environment: Environment;
  /** A file of log lines, the deployment whose log groups CloudWatch has, or why nobody can tell. */
  logs: { file: string } | { deployment: string } | { unknown: string };
  /** Only a local stack has a Gitea that can be told to fail. */
  stack?: LocalStack;
  /** Where its functions are a stack on AWS or an emulator: which one. */
  deployment?: { stage: string };
  /** The parameters of serverless.yml that are not the defaults there, as far as anybody knows. */
  parameters?: Parameters;
};

/** The queues that functions send to, and the net behind them. */
export type OpsQueue = QueueName | typeof CRASHED;

export type Wish = { deployment?: string | undefined; queues: readonly OpsQueue[]; signal?: AbortSignal };

/** In the order of the journey. */
export const ALL_QUEUES = [...STAGES, DEPARTURES, DEAD_LETTERS, CRASHED] as const;
const BY_DEFAULT = "dev";
/** The stage of queues that no stack has made: `npm start`'s. */
export const NO_STACK = "local";

/**
 * `--deployment` or `HUBFORGE_DEPLOYMENT` decides; else queue URLs of the environment; else the local stack that runs from
 * this folder; else the deployment `dev`. `local` is the local stack started last, `local-<process id>` a certain one.
 */
export async function findTarget({ deployment, ...wish }: Wish, environment: Environment): Promise<Target> {
  const named = deployment ?? environment["HUBFORGE_DEPLOYMENT"];
  const target = await findNamed(named, wish, environment);
  return { asked: named, ...target };
}

async function findNamed(
  named: string | undefined,
  wish: Omit<Wish, "deployment">,
  environment: Environment,
): Promise<Target> {
  if (named === undefined && environment[queueUrlVariable(DEAD_LETTERS)]) return targetOfUrls(environment);
  const [isLocal, pid] = /^local(?:-(\d+))?$/.exec(named ?? "local") ?? [];
  if (isLocal !== undefined) {
    const running = runningStacks();
    const stack = running.findLast((one) => pid === undefined || one.pid === Number(pid));
    if (stack) return { ...localTarget(stack, environment), ...(pid === undefined && which(stack, running)) };
    const others = running.length > 0 ? `; ${namesOf(running)} runs` : ": start one with npm start";
    if (named) throw new UsageError(`no local stack ${pid ? `of process ${pid} ` : ""}is running${others}`);
  }
  if (named !== undefined) return await deployedTarget(named, wish, environment);
  return await deployedTarget(BY_DEFAULT, wish, environment).catch((cause: unknown) => {
    if (!(cause instanceof AwsTrouble)) throw cause;
    throw new AwsTrouble(
      `no local stack is running here (npm start), and of deployment ${BY_DEFAULT}: ${cause.message}`,
      { cause },
    );
  });
}

/** Several run, and nobody said which: it is said, and what is told to do next is about the same one. */
function which(stack: LocalStack, running: readonly LocalStack[]): Pick<Target, "asked" | "aside"> {
  if (running.length === 1) return {};
  const asked = namesOf([stack]);
  const others = namesOf(running.filter((one) => one !== stack));
  const aside = `${running.length} local stacks run here: this is ${asked}; --deployment names another (${others})`;
  return { asked, aside };
}

function namesOf(stacks: readonly LocalStack[]): string {
  return stacks.map(({ pid }) => `local-${pid}`).join(", ");
}

/** The stage of `hubforge-<stage>-dead-letters`; undefined where the queue is called otherwise. */
export function stageOfUrls(environment: Environment): string | undefined {
  return /hubforge-([\w-]+)-dead-letters$/.exec(environment[queueUrlVariable(DEAD_LETTERS)] ?? "")?.[1];
}

/** A deployment's queues have its stage in their names; with it goes all else that is the stage's. */
function targetOfUrls(environment: Environment): Target {
  requireEndpoint(environment);
  const stage = stageOfUrls(environment);
  const file = environment["HUBFORGE_LOG"];
  const isStack = stage !== undefined && stage !== NO_STACK;
  const unknown = "QUEUE_URL_* tells no deployment: whose log? Set HUBFORGE_LOG to a file, or say --deployment";
  const found = isStack ? { deployment: stage } : { unknown };
  return {
    name: "the queues of QUEUE_URL_*",
    environment: isStack ? { ...stageFile(stage), ...environment } : environment,
    logs: file ? { file } : found,
    ...(isStack && { deployment: { stage } }),
  };
}

function localTarget(stack: LocalStack, environment: Environment): Target {
  const merged = { ...environment, AWS_PROFILE: undefined, ...stack.environment };
  // Clients of the AWS SDK read region and credentials from the process itself.
  for (const [name, value] of Object.entries(merged)) {
    if (!name.startsWith("AWS_")) continue;
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  const { deployment, parameters } = stack;
  return {
    name: `the local stack on ${stack.url}`,
    environment: merged,
    logs: { file: stack.log },
    stack,
    ...(deployment && { deployment }),
    ...(parameters && { parameters }),
  };
}

async function deployedTarget(
  deployment: string,
  { queues, signal }: Omit<Wish, "deployment">,
  environment: Environment,
): Promise<Target> {
  if (!/^[\w-]{1,40}$/.test(deployment)) throw new UsageError(`--deployment "${deployment}" is no stage's name`);
  const settings = { ...stageFile(deployment), ...environment };
  requireEndpoint(settings);
  const isKnown = stagesHere().includes(deployment);
  const client = createSqsClient(settings);
  try {
    const urls = await Promise.all(
      queues.map(async (queue) => {
        const isFifo = queue !== DEAD_LETTERS;
        const name = `${stackName({ stage: deployment }, queue)}${isFifo ? ".fifo" : ""}`;
        const answer = client.send(new GetQueueUrlCommand({ QueueName: name }), signal && { abortSignal: signal });
        const { QueueUrl } = await answer.catch((cause: unknown) => {
          const { message } = AwsTrouble.of(cause, name);
          throw new AwsTrouble(message + (isKnown ? "" : didYouMean(deployment, stagesHere())), { cause });
        });
        return [queueUrlVariable(queue), QueueUrl];
      }),
    );
    return {
      name: `deployment ${deployment}`,
      environment: { ...settings, ...Object.fromEntries(urls) },
      logs: { deployment },
      deployment: { stage: deployment },
    };
  } finally {
    client.destroy();
  }
}

/** @throws AwsTrouble where AWS's client would only say that some URL is invalid */
function requireEndpoint({ AWS_ENDPOINT_URL: endpoint }: Environment): void {
  if (!endpoint || (URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol))) return;
  const advice = "say e.g. http://127.0.0.1:4566, or leave it out for AWS itself";
  throw new AwsTrouble(`AWS_ENDPOINT_URL "${endpoint}" is no address: ${advice}`);
}

/** What the functions of that deployment were given; empty where this folder does not have its file. */
function stageFile(deployment: string): Environment {
  return readStageValues(`infra/stages/${deployment}.yml`) ?? {};
}
