import { checkDeployed } from "./check-deployed.ts";
import { checkSecrets } from "./check-secrets.ts";
import { type OslsOptions, runOsls } from "./osls.ts";
import { readStack, requireDeployable, type StackState } from "./stack-state.ts";
import { readStageFile } from "./stage-file.ts";
import { DeployTrouble } from "./trouble.ts";

const stageFileOf = ({ stage, parameters }: Pick<OslsOptions, "stage" | "parameters">) =>
  String(parameters?.["stageFile"] ?? `infra/stages/${stage}.yml`);

/**
 * Settings, credentials, the stack's state and the secrets are looked at before anything is changed; afterwards, whether
 * what osls calls deployed really is.
 * @throws SettingsError, DeployTrouble or OslsFailed
 */
export async function deployStack(options: OslsOptions): Promise<StackState> {
  const { settings, stack } = readStageFile(stageFileOf(options));
  requireTopicIn(options.region, stack.ALERT_TOPIC);
  requireDeployable(options, await readStack(options));
  await checkSecrets(settings);
  const startedAt = new Date();
  await runOsls("deploy", options);
  return await checkDeployed(options, startedAt);
}

/** CloudWatch would refuse it, but only in the middle of the deployment. */
function requireTopicIn(region: string, topic: string | undefined): void {
  const [, , , own] = topic?.split(":") ?? [];
  if (own === undefined || own === region) return;
  throw new DeployTrouble(
    `ALERT_TOPIC is in ${own} and the stage in ${region}: alarms tell topics of their own region`,
  );
}
