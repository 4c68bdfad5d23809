import {
  CloudFormationClient,
  DeleteStackCommand,
  UpdateStackCommand,
  waitUntilStackDeleteComplete,
  waitUntilStackUpdateComplete,
} from "@aws-sdk/client-cloudformation";
import type { Target } from "../../deploy/osls.ts";
import { readStack } from "../../deploy/stack-state.ts";
import { stackName } from "../../stage-names.ts";
import { forgetSecrets } from "./write-stage.ts";

/** What is taken away at the end must not be what somebody keeps there. @throws Error that says what to do */
export async function requireNoStack(target: Target, endpoint: string): Promise<void> {
  if ((await readStack(target)).status === undefined) return;
  throw new Error(
    `${stackName(target)} is deployed at ${endpoint} already, and --once takes away at its end what it deploys: leave --once out, or restart that LocalStack`,
  );
}

/** Takes the stack and its secrets out of a LocalStack again, as far as they came. */
export async function leaveNothing(target: Target): Promise<void> {
  if ((await readStack(target)).status !== undefined) await removeAll(target);
  await forgetSecrets();
}

const NOTHING = JSON.stringify({ Resources: { Nothing: { Type: "AWS::CloudFormation::WaitConditionHandle" } } });

/**
 * LocalStack's DeleteStack takes away what the stack was created with (core 4.13.1, `processed_template` of its v2 provider),
 * which of one that osls deploys is a bucket: the rest goes by an update to nothing. `osls remove` itself fails there, at ECR.
 */
async function removeAll({ region, ...target }: Target): Promise<void> {
  const client = new CloudFormationClient({ region });
  const StackName = stackName(target);
  const waiting = { client, maxWaitTime: 120, minDelay: 1, maxDelay: 2 };
  try {
    await client.send(new UpdateStackCommand({ StackName, TemplateBody: NOTHING }));
    await waitUntilStackUpdateComplete(waiting, { StackName });
    await client.send(new DeleteStackCommand({ StackName }));
    await waitUntilStackDeleteComplete(waiting, { StackName });
  } finally {
    client.destroy();
  }
}
