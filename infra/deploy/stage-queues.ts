import * as z from "zod";
import { departureDelaySeconds } from "#shared/config/schedule.ts";
import { parseTemplate } from "../template.ts";
import type { Stage } from "./stage-file.ts";

const QueueFile = z.object({ Resources: z.record(z.string(), z.unknown()) });

const DEPARTURES_QUEUE = "DeparturesQueue";

/**
 * What the stage's file adds to infra/queues.yml. At rest every queue is encrypted, by SQS's own key or by the stage's; on
 * the way plain HTTP is refused; and a departure waits for one interval of that stage's sync.
 */
export function stageQueues({ stack: { STACK_KMS_KEY_ARN }, settings }: Stage) {
  const { Resources } = QueueFile.parse(parseTemplate("infra/queues.yml"));
  const atRest = STACK_KMS_KEY_ARN ? { KmsMasterKeyId: STACK_KMS_KEY_ARN } : { SqsManagedSseEnabled: true };
  const delay = settings["SYNC_SCHEDULE"] ? { DelaySeconds: departureDelaySeconds(settings["SYNC_SCHEDULE"]) } : {};
  return Object.fromEntries(
    Object.keys(Resources).flatMap((queue) => [
      [queue, { Properties: queue === DEPARTURES_QUEUE ? { ...atRest, ...delay } : atRest }],
      [`${queue}Policy`, { Type: "AWS::SQS::QueuePolicy", Properties: tlsOnly(queue) }],
    ]),
  );
}

function tlsOnly(queue: string) {
  const statement = {
    Effect: "Deny",
    Principal: "*",
    Action: "sqs:*",
    Resource: { "Fn::GetAtt": [queue, "Arn"] },
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  };
  return { Queues: [{ Ref: queue }], PolicyDocument: { Version: "2012-10-17", Statement: [statement] } };
}
