import * as z from "zod";
import { StackSettings } from "../../deploy/stack-settings.ts";
import { stageQueues } from "../../deploy/stage-queues.ts";
import { type QueueDefinition, readQueues } from "../../local/resources.ts";
import { type Check, type CheckGroup, failed } from "./check.ts";
import type { Deployment } from "./deployment.ts";
import { REGION } from "./region-check.ts";

const Redrive = z.object({ deadLetterTargetArn: z.string(), maxReceiveCount: z.coerce.number() });
type Redrive = z.infer<typeof Redrive>;

/** Every queue of infra/queues.yml with every attribute that it has there, and where its messages go after the last try. */
export function queueChecks(deployment: Deployment): CheckGroup {
  const queues = readQueues(deployment.place);
  return {
    group: "queues",
    checks: queues.flatMap((queue) => [ofAttributes(queue, deployment), ...ofRedrive(queue, deployment)]),
  };
}

export const queueCheck = ({ queue }: QueueDefinition) => `queue ${queue}`;

function ofAttributes(queue: QueueDefinition, deployment: Deployment): Check {
  const { redeploy } = deployment;
  return {
    name: queueCheck(queue),
    needs: [REGION],
    advice: `see that it is there (${redeploy}) and may be read (sqs:GetQueueUrl, sqs:GetQueueAttributes)`,
    look: async () => {
      const { RedrivePolicy: _, ...attributes } = queue.attributes;
      const wanted = { ...attributes, ...ofStage(queue, deployment) };
      const { values } = await deployment.attributes(queue);
      const name = nameIn(values["QueueArn"] ?? "");
      const wrong = Object.entries(wanted).flatMap(([attribute, value]) =>
        values[attribute] === value ? [] : [`${attribute} is ${values[attribute] ?? "not set"}, should be ${value}`],
      );
      if (name !== queue.name) wrong.unshift(`it is ${name}, should be ${queue.name}`);
      return wrong.length > 0
        ? failed(wrong.join("; "), `${redeploy}: it must be as infra/queues.yml has it`)
        : `${Object.keys(wanted).length} attributes as in the template`;
    },
  };
}

/** What the stage's file adds to the template (infra/deploy/stage-queues.ts); an emulated queue beside no stack has none of it. */
function ofStage({ logicalId }: QueueDefinition, { isStack, environment }: Deployment): Record<string, string> {
  if (!isStack) return {};
  const key = environment["STACK_KMS_KEY_ARN"];
  const stack = StackSettings.parse(key ? { STACK_KMS_KEY_ARN: key } : {});
  const added = stageQueues({ stack, settings: {} })[logicalId];
  const properties = added && "Properties" in added ? added.Properties : {};
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, String(value)]));
}

function ofRedrive(queue: QueueDefinition, deployment: Deployment): Check[] {
  const wanted = redriveIn(queue.attributes);
  if (!wanted) return [];
  const net = readQueues(deployment.place).find(({ arn }) => arn === wanted.deadLetterTargetArn);
  return [
    {
      name: `redrive ${queue.queue}`,
      needs: [queueCheck(queue), ...(net ? [queueCheck(net)] : [])],
      advice: `${deployment.redeploy}; without it a message that kills its function comes back for ever`,
      look: async () => {
        const { values } = await deployment.attributes(queue);
        const found = redriveIn(values);
        if (!found) return failed("it has no redrive policy");
        const target = net && (await deployment.attributes(net)).values["QueueArn"];
        const wrong = [
          ...(found.deadLetterTargetArn === target
            ? []
            : [`it goes to ${found.deadLetterTargetArn}, should go to ${target}`]),
          ...(found.maxReceiveCount === wanted.maxReceiveCount
            ? []
            : [`maxReceiveCount is ${found.maxReceiveCount}, should be ${wanted.maxReceiveCount}`]),
        ];
        if (wrong.length > 0) return failed(wrong.join("; "));
        return `to ${nameIn(found.deadLetterTargetArn)} after ${found.maxReceiveCount} receives`;
      },
    },
  ];
}

function redriveIn(attributes: Readonly<Record<string, string>>): Redrive | undefined {
  const policy = attributes["RedrivePolicy"];
  return policy ? Redrive.parse(JSON.parse(policy)) : undefined;
}

const nameIn = (arn: string) => arn.split(":").at(-1) ?? "";
