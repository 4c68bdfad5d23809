import { setTimeout as sleep } from "node:timers/promises";
import { GetFunctionConfigurationCommand, LambdaClient, ListEventSourceMappingsCommand } from "@aws-sdk/client-lambda";
import { stackName } from "../stage-names.ts";
import { serviceFunctions } from "./functions.ts";
import type { Target } from "./osls.ts";
import { readStack, type StackState } from "./stack-state.ts";
import { DeployTrouble } from "./trouble.ts";

/** Mappings and functions in a VPC take a while to become active. */
const SETTLED_WITHIN_MILLISECONDS = 120_000;
const LOOK_EVERY_MILLISECONDS = 2_000;

/**
 * What osls does not look at: it prints success on some targets although the stack was rolled back. The stack's own word,
 * its events since `startedAt`, every function of infra/functions.yml, and that each one is awake.
 * @throws DeployTrouble naming everything that is not as it should be
 */
export async function checkDeployed(target: Target, startedAt: Date): Promise<StackState> {
  const state = await readStack(target, startedAt);
  const isComplete = state.status === "CREATE_COMPLETE" || state.status === "UPDATE_COMPLETE";
  const problems = [
    ...(isComplete ? [] : [`stack ${stackName(target)} is in ${state.status ?? "no state: there is none"}`]),
    ...state.failures,
    ...(await sleepers(target)),
  ];
  if (problems.length === 0) return state;
  throw new DeployTrouble(
    `the deployment is not what it should be:\n${problems.map((line) => `  ${line}`).join("\n")}`,
  );
}

async function sleepers({ stage, region }: Target): Promise<string[]> {
  const client = new LambdaClient({ region });
  const deadline = Date.now() + SETTLED_WITHIN_MILLISECONDS;
  try {
    for (;;) {
      const found = await Promise.all(
        Object.entries(serviceFunctions()).map(([name, { events }]) =>
          stateOf(client, stackName({ stage }, name), events.filter((event) => "sqs" in event).length),
        ),
      );
      const isSettled = found.every(({ isPending }) => !isPending);
      if (isSettled || Date.now() > deadline) return found.flatMap(({ problem }) => problem ?? []);
      await sleep(LOOK_EVERY_MILLISECONDS);
    }
  } finally {
    client.destroy();
  }
}

/** An idle function becomes `Inactive` after some weeks, and awakes by itself when it is needed. */
type FunctionState = { problem?: string; isPending: boolean };

async function stateOf(client: LambdaClient, FunctionName: string, queues: number): Promise<FunctionState> {
  try {
    const { State = "Active", StateReason = "" } = await client.send(
      new GetFunctionConfigurationCommand({ FunctionName }),
    );
    if (State !== "Active" && State !== "Inactive") {
      return { problem: `function ${FunctionName} is ${State} ${StateReason}`.trim(), isPending: State === "Pending" };
    }
    const { EventSourceMappings = [] } = await client.send(new ListEventSourceMappingsCommand({ FunctionName }));
    const states = EventSourceMappings.map((mapping) => mapping.State ?? "");
    if (states.filter((state) => state === "Enabled").length === queues) return { isPending: false };
    const seen = states.join(", ") || "none";
    const isPending = states.some((state) => /ing$/.test(state));
    return { problem: `function ${FunctionName} should be woken by ${queues} queue(s): ${seen}`, isPending };
  } catch (error) {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return { problem: `function ${FunctionName}: ${why}`, isPending: false };
  }
}
