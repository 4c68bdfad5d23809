import {
  CloudFormationClient,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  type StackEvent,
} from "@aws-sdk/client-cloudformation";
import type { Target } from "./osls.ts";
import { asTrouble, DeployTrouble } from "./trouble.ts";

export type StackState = {
  /** CloudFormation's own word, e.g. `UPDATE_COMPLETE`; undefined where there is no such stack. */
  status: string | undefined;
  outputs: Record<string, string>;
  /** What failed last, oldest first: `IngressLambdaFunction CREATE_FAILED: …`. */
  failures: string[];
};

export const stackName = ({ stage }: Pick<Target, "stage">) => `hubforge-${stage}`;

/** The stack as CloudFormation has it; failures count from `since` on. @throws DeployTrouble when it cannot be asked */
export async function readStack(target: Target, since = new Date(0)): Promise<StackState> {
  const client = new CloudFormationClient({ region: target.region });
  const StackName = stackName(target);
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName }));
    const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName }));
    const outputs = Stacks[0]?.Outputs ?? [];
    return {
      status: Stacks[0]?.StackStatus,
      outputs: Object.fromEntries(outputs.map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue])),
      failures: StackEvents.filter((event) => isFailure(event, since))
        .map(textOf)
        .toReversed(),
    };
  } catch (error) {
    if (error instanceof Error && /does not exist/.test(error.message))
      return { status: undefined, outputs: {}, failures: [] };
    throw asTrouble(error, target.region);
  } finally {
    client.destroy();
  }
}

function isFailure({ ResourceStatus, Timestamp }: StackEvent, since: Date): boolean {
  return Timestamp !== undefined && Timestamp >= since && /_FAILED$|ROLLBACK_IN_PROGRESS$/.test(ResourceStatus ?? "");
}

function textOf({ LogicalResourceId, ResourceStatus, ResourceStatusReason = "" }: StackEvent): string {
  return `${LogicalResourceId} ${ResourceStatus}${ResourceStatusReason ? `: ${ResourceStatusReason}` : ""}`;
}

/** Only what osls can go on from. @throws DeployTrouble that says how to get out of any other state */
export function requireDeployable(target: Target, { status = "", failures }: StackState): void {
  const remedy = remedyOf(status, target.stage);
  if (!remedy) return;
  const why = failures.length > 0 ? `\n${failures.map((line) => `  ${line}`).join("\n")}` : "";
  throw new DeployTrouble(`stack ${stackName(target)} is in ${status}: ${remedy}${why}`);
}

function remedyOf(status: string, stage: string): string | undefined {
  if (status === "UPDATE_ROLLBACK_FAILED") {
    return `cure what failed, then aws cloudformation continue-update-rollback --stack-name hubforge-${stage}`;
  }
  if (status.endsWith("_IN_PROGRESS")) return "somebody else works on it; wait until it is done";
  if (/^(ROLLBACK_|CREATE_FAILED|DELETE_FAILED)/.test(status)) {
    return `it never worked and can only go; npm run remove -- --stage ${stage}, then deploy again`;
  }
  return undefined;
}
