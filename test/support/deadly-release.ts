import { setTimeout as sleep } from "node:timers/promises";
import type { SQSEvent } from "aws-lambda";
import { Permanent, Retryable } from "#shared/errors.ts";
import { stage } from "#shared/stage.ts";

/** The release stage for people who are deadly to it, each in their own way; deployed in its place by test/cloud.slow.test.ts. */
const release = stage(
  "release",
  async () => () => ({}),
  async ({ delivery: { user } }) => {
    if (user.startsWith("sleeper")) await sleep(1_000);
    if (user === "killer") process.exit(1);
    if (user === "spinner") for (;;);
    if (user === "stranger") throw new Permanent("account.taken", "somebody else's");
    if (user === "waiter" && isFirstReceive) throw new Retryable("gitea.unreachable", "not now");
    return { outcome: "unchanged" };
  },
);

/** By the message's own count: the next receive may be another instance's. One message comes at a time. */
let isFirstReceive = true;

export const handler = async (event: SQSEvent, context: { getRemainingTimeInMillis(): number }) => {
  isFirstReceive = event.Records[0]?.attributes.ApproximateReceiveCount === "1";
  if (event.Records[0]?.body.includes('"thrower"')) throw new Error("thrown past the stage");
  return await release(event, context);
};
