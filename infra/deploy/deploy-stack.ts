import { checkDeployed } from "./check-deployed.ts";
import { checkSecrets } from "./check-secrets.ts";
import { type OslsOptions, runOsls } from "./osls.ts";
import { readStack, requireDeployable, type StackState } from "./stack-state.ts";
import { readStageFile } from "./stage-file.ts";

const stageFileOf = ({ stage, parameters }: Pick<OslsOptions, "stage" | "parameters">) =>
  String(parameters?.["stageFile"] ?? `infra/stages/${stage}.yml`);

/**
 * Settings, credentials, the stack's state and the secrets are looked at before anything is changed; afterwards, whether
 * what osls calls deployed really is.
 * @throws SettingsError, DeployTrouble or OslsFailed
 */
export async function deployStack(options: OslsOptions): Promise<StackState> {
  const { settings } = readStageFile(stageFileOf(options));
  requireDeployable(options, await readStack(options));
  await checkSecrets(settings);
  const startedAt = new Date();
  await runOsls("deploy", options);
  return await checkDeployed(options, startedAt);
}
