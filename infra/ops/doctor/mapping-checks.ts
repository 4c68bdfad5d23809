import {
  type EventSourceMappingConfiguration,
  LambdaClient,
  ListEventSourceMappingsCommand,
} from "@aws-sdk/client-lambda";
import { type FunctionDefinition, readFunctions } from "../../local/functions.ts";
import { readQueues } from "../../local/resources.ts";
import { stackName } from "../../stage-names.ts";
import { AwsTrouble } from "../aws-trouble.ts";
import { type Check, type CheckGroup, failed, notApplicable } from "./check.ts";
import type { Deployment } from "./deployment.ts";
import { REGION } from "./region-check.ts";

/** Lambda's client tries three times by itself, within this. */
const WITHIN_MILLISECONDS = 8_000;

/** What wakes each function: a queue whose mapping is switched off fills up in silence. */
export function mappingChecks(deployment: Deployment): CheckGroup {
  const group = "event sources";
  if (!deployment.isStack) {
    const look = async () => notApplicable(deployment.whyNoStack);
    return { group, checks: [{ name: "event source mappings", advice: "", look }] };
  }
  const woken = readFunctions(deployment.place).filter(({ sources }) => sources.length > 0);
  return { group, checks: woken.map((definition) => ofFunction(definition, deployment)) };
}

function ofFunction({ name, sources }: FunctionDefinition, deployment: Deployment): Check {
  const { place, redeploy } = deployment;
  const FunctionName = stackName(place, name);
  return {
    name: `woken ${name}`,
    needs: [REGION],
    advice: `aws lambda update-event-source-mapping --enabled --uuid <its UUID of list-event-source-mappings --function-name ${FunctionName}>; if there is none: ${redeploy}`,
    look: async () => {
      const mappings = await listMappings(FunctionName, deployment);
      const queues = readQueues(place);
      const seen = sources.map(({ queueLogicalId, maximumConcurrency }) => {
        const queue = queues.find(({ logicalId }) => logicalId === queueLogicalId)?.name ?? queueLogicalId;
        const mapping = mappings.find(({ EventSourceArn }) => EventSourceArn?.endsWith(`:${queue}`));
        if (!mapping) return { wrong: [`nothing wakes it for ${queue}`], text: "" };
        return { wrong: faultsOf(mapping, queue, maximumConcurrency), text: wordsOf(mapping, queue) };
      });
      const wrong = seen.flatMap((one) => one.wrong);
      return wrong.length > 0 ? failed(wrong.join("; ")) : seen.map(({ text }) => text).join("; ");
    },
  };
}

function faultsOf(mapping: EventSourceMappingConfiguration, queue: string, concurrency: number): string[] {
  const { State, BatchSize, ScalingConfig, FunctionResponseTypes = [] } = mapping;
  return [
    ...(State === "Enabled" ? [] : [`its mapping of ${queue} is ${State} (UUID ${mapping.UUID})`]),
    ...(BatchSize === 1 ? [] : [`its batch size is ${BatchSize}, should be 1`]),
    ...(ScalingConfig?.MaximumConcurrency === concurrency
      ? []
      : [`its maximum concurrency is ${ScalingConfig?.MaximumConcurrency ?? "not set"}, should be ${concurrency}`]),
    ...(FunctionResponseTypes.includes("ReportBatchItemFailures") ? [] : ["it does not take ReportBatchItemFailures"]),
  ];
}

function wordsOf({ State, BatchSize, ScalingConfig }: EventSourceMappingConfiguration, queue: string): string {
  return `by ${queue}: ${State}, batch size ${BatchSize}, at most ${ScalingConfig?.MaximumConcurrency} at once`;
}

async function listMappings(FunctionName: string, { environment, place, signal }: Deployment) {
  const endpoint = environment["AWS_ENDPOINT_URL"];
  const client = new LambdaClient({ ...(place.region && { region: place.region }), ...(endpoint && { endpoint }) });
  try {
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MILLISECONDS)]);
    const answer = await client.send(new ListEventSourceMappingsCommand({ FunctionName }), { abortSignal });
    return answer.EventSourceMappings ?? [];
  } catch (cause) {
    throw AwsTrouble.ofFunction(cause, FunctionName);
  } finally {
    client.destroy();
  }
}
