import { SettingsError } from "#shared/config.ts";
import { stackName } from "../stage-names.ts";
import { checkDeployed } from "./check-deployed.ts";
import { checkSecrets } from "./check-secrets.ts";
import { OslsFailed, type OslsOptions, runOsls } from "./osls.ts";
import { describeStack, readStack, requireDeployable, type StackState } from "./stack-state.ts";
import { readStageFile } from "./stage-file.ts";
import { DeployTrouble } from "./trouble.ts";

const stageFileOf = ({ stage, parameters }: Pick<OslsOptions, "stage" | "parameters">) =>
  String(parameters?.["stageFile"] ?? `infra/stages/${stage}.yml`);

/**
 * Settings, credentials, the stack's state and the secrets are looked at before anything is changed; afterwards, whether
 * what osls calls deployed really is.
 * @throws SettingsError, DeployTrouble
 */
export async function deployStack(options: OslsOptions): Promise<StackState> {
  const { settings, stack } = readStageFile(stageFileOf(options));
  requireTopicIn(options.region, stack.ALERT_TOPIC);
  requireDeployable(options, await readStack(options));
  await checkSecrets(settings);
  const startedAt = new Date();
  await changeStack("deploy", options, startedAt);
  return await checkDeployed(options, startedAt);
}

/** @throws DeployTrouble when a stack is left */
export async function removeStack(options: OslsOptions): Promise<void> {
  const { region, stage } = options;
  if ((await readStack(options)).status === undefined)
    throw new DeployTrouble(`there is no stack ${stackName(options)} in ${region}: check --stage and --region`);
  const startedAt = new Date();
  const own = stageFileOf(options);
  // What it was told no longer matters, so the example does as well where the stage's own file is gone, or of another version.
  const stageFile = isUsable(own) ? own : stageFileOf({ stage: "dev" });
  await changeStack("remove", { ...options, parameters: { ...options.parameters, stageFile } }, startedAt);
  const left = await readStack(options, startedAt);
  if (left.status !== undefined && left.status !== "DELETE_COMPLETE")
    throw new DeployTrouble(describeStack({ stage }, left));
}

function isUsable(stageFile: string): boolean {
  try {
    readStageFile(stageFile);
    return true;
  } catch (error) {
    if (error instanceof SettingsError) return false;
    throw error;
  }
}

/** osls may lose sight of a change that goes on without it. @throws DeployTrouble about the stack as it is then */
async function changeStack(command: "deploy" | "remove", options: OslsOptions, startedAt: Date): Promise<void> {
  try {
    await runOsls(command, options);
  } catch (cause) {
    if (!(cause instanceof OslsFailed)) throw cause;
    const stack = describeStack(options, await readStack(options, startedAt));
    throw new DeployTrouble(`osls ${command} did not end well, for the reason above; now ${stack}`, { cause });
  }
}

/** CloudWatch would refuse it, but only in the middle of the deployment. */
function requireTopicIn(region: string, topic: string | undefined): void {
  const [, , , own] = topic?.split(":") ?? [];
  if (own === undefined || own === region) return;
  throw new DeployTrouble(
    `ALERT_TOPIC is in ${own} and the stage in ${region}: alarms tell topics of their own region`,
  );
}
