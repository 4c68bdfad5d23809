import { setTimeout as sleep } from "node:timers/promises";
import type { SQSEvent } from "aws-lambda";
import { Permanent, Retryable } from "#shared/errors.ts";
import { stage } from "#shared/stage.ts";

/** The release stage for people who are deadly to it, each in their own way; deployed in its place by test/cloud.slow.test.ts. */
const release = stage(
  "release",
  async () => () => ({}),
  async ({ delivery: { user }, replay }) => {
    if (user.startsWith("sleeper")) await sleep(1_000);
    if (user === "killer") process.exit(1);
    if (user === "spinner") for (;;);
    if (user === "stranger") throw new Permanent("account.taken", "somebody else's");
    if (user === "waiter" && replay.number === 0 && isFirst(user)) throw new Retryable("gitea.unreachable", "not now");
    return { outcome: "unchanged" };
  },
);

const seen = new Set<string>();
function isFirst(user: string): boolean {
  const isNew = !seen.has(user);
  seen.add(user);
  return isNew;
}

export const handler = async (event: SQSEvent, context: { getRemainingTimeInMillis(): number }) => {
  if (event.Records[0]?.body.includes('"thrower"')) throw new Error("thrown past the stage");
  return await release(event, context);
};
