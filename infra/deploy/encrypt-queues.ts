import * as z from "zod";
import { parseTemplate } from "../local/template.ts";
import type { StackSettings } from "./stack-settings.ts";

const QueueFile = z.object({ Resources: z.record(z.string(), z.unknown()) });

/** At rest every queue is encrypted, by SQS's own key or by the stage's; on the way plain HTTP is refused. */
export function encryptQueues({ STACK_KMS_KEY_ARN }: StackSettings) {
  const { Resources } = QueueFile.parse(parseTemplate("infra/queues.yml"));
  const atRest = STACK_KMS_KEY_ARN ? { KmsMasterKeyId: STACK_KMS_KEY_ARN } : { SqsManagedSseEnabled: true };
  return Object.fromEntries(
    Object.keys(Resources).flatMap((queue) => [
      [queue, { Properties: atRest }],
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
