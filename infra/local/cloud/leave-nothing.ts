import { removeStack } from "../../deploy/deploy-stack.ts";
import type { OslsOptions, Target } from "../../deploy/osls.ts";
import { readStack } from "../../deploy/stack-state.ts";
import { stackName } from "../../stage-names.ts";
import { forgetSecrets } from "./write-stage.ts";

/** What is taken away at the end must not be what somebody keeps there. @throws Error that says what to do */
export async function requireNoStack(target: Target, endpoint: string): Promise<void> {
  if ((await readStack(target)).status === undefined) return;
  const remove = `AWS_ENDPOINT_URL=${endpoint} npm run remove -- --stage ${target.stage} --region ${target.region}`;
  throw new Error(
    `${stackName(target)} is deployed at ${endpoint} already, and --once takes away at its end what it deploys: leave --once out, or first ${remove}`,
  );
}

/** Takes the stack and its secrets away again, as far as they came. */
export async function leaveNothing(options: OslsOptions): Promise<void> {
  if ((await readStack(options)).status !== undefined) await removeStack(options);
  await forgetSecrets();
}
