import {
  CloudFormationClient,
  DescribeStacksCommand,
  paginateDescribeStackEvents,
  type StackEvent,
} from "@aws-sdk/client-cloudformation";
import { stackName } from "../stage-names.ts";
import type { Target } from "./osls.ts";
import { asTrouble, DeployTrouble } from "./trouble.ts";

export type StackState = {
  /** CloudFormation's own word, e.g. `UPDATE_COMPLETE`; undefined where there is no such stack. */
  status: string | undefined;
  outputs: Record<string, string>;
  /** What failed last, oldest first: `IngressLambdaFunction CREATE_FAILED: …`. */
  failures: string[];
};

/** The stack as CloudFormation has it, with what failed from `since` on, by default in its last operation. @throws DeployTrouble when it cannot be asked */
export async function readStack(target: Target, since?: Date): Promise<StackState> {
  const client = new CloudFormationClient({ region: target.region });
  const StackName = stackName(target);
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName }));
    const outputs = Stacks[0]?.Outputs ?? [];
    return {
      status: Stacks[0]?.StackStatus,
      outputs: Object.fromEntries(outputs.map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue])),
      failures: (await failedEvents(client, StackName, since)).map(textOf).toReversed(),
    };
  } catch (error) {
    if (error instanceof Error && /does not exist/.test(error.message))
      return { status: undefined, outputs: {}, failures: [] };
    throw asTrouble(error, target.region);
  } finally {
    client.destroy();
  }
}

/** Newest first, page by page: a rollback of a hundred resources fills the first one with what it took away. */
async function failedEvents(client: CloudFormationClient, StackName: string, since?: Date): Promise<StackEvent[]> {
  const failed: StackEvent[] = [];
  for await (const { StackEvents = [] } of paginateDescribeStackEvents({ client }, { StackName })) {
    for (const event of StackEvents) {
      if (since && (event.Timestamp ?? since) < since) return failed;
      if (/_FAILED$|ROLLBACK_IN_PROGRESS$/.test(event.ResourceStatus ?? "")) failed.push(event);
      if (!since && isBeginning(event)) return failed;
    }
  }
  return failed;
}

/** The stack's own first event in an operation that somebody asked for. */
function isBeginning({ LogicalResourceId, StackName, ResourceStatus }: StackEvent): boolean {
  return LogicalResourceId === StackName && /^(CREATE|UPDATE|DELETE)_IN_PROGRESS$/.test(ResourceStatus ?? "");
}

function textOf({ LogicalResourceId, ResourceStatus, ResourceStatusReason = "" }: StackEvent): string {
  return `${LogicalResourceId} ${ResourceStatus}${ResourceStatusReason ? `: ${ResourceStatusReason}` : ""}`;
}

/** Only what osls can go on from. @throws DeployTrouble that says how to get out of any other state */
export function requireDeployable(target: Target, state: StackState): void {
  if (remedyOf(state.status ?? "", target.stage)) throw new DeployTrouble(describeStack(target, state));
}

/** Where it is, what to do about it, and what failed, a line each. */
export function describeStack(target: Pick<Target, "stage">, { status, failures }: StackState): string {
  if (status === undefined) return `there is no stack ${stackName(target)}`;
  const remedy = remedyOf(status, target.stage);
  return [`stack ${stackName(target)} is in ${status}${remedy ? `: ${remedy}` : ""}`, ...failures].join("\n  ");
}

function remedyOf(status: string, stage: string): string | undefined {
  if (status === "UPDATE_ROLLBACK_FAILED") {
    return `cure what failed, then aws cloudformation continue-update-rollback --stack-name ${stackName({ stage })}`;
  }
  if (status === "REVIEW_IN_PROGRESS") {
    return `it is the shell of a change set that nobody carried out; aws cloudformation delete-stack --stack-name ${stackName({ stage })}, then deploy again`;
  }
  if (status.endsWith("_IN_PROGRESS")) return "a change is under way; wait until it is done";
  if (status === "DELETE_FAILED") return `cure what failed, then npm run remove -- --stage ${stage} again`;
  if (/^(ROLLBACK_|CREATE_FAILED)/.test(status)) {
    return `it never worked and can only go; npm run remove -- --stage ${stage}, then deploy again`;
  }
  return undefined;
}
