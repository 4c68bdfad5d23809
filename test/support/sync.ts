import { DeleteMessageCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { Envelope } from "#shared/envelope.ts";
import type { LogLine } from "#shared/log.ts";
import { DEPARTURES } from "#shared/pipeline.ts";
import { sendDeparturesOn } from "../../functions/departures/send-departures-on.ts";
import type { Consent } from "../../functions/directory-sync/decide.ts";
import { syncDirectory } from "../../functions/directory-sync/sync-directory.ts";
import { sqsRecord } from "../../infra/local/sqs-record.ts";
import { spawnOf } from "./envelopes.ts";
import { startWorld, type World } from "./world.ts";

type Environment = Record<string, string | undefined>;

const context = { getRemainingTimeInMillis: () => 60_000 };

/** A world whose departures do not wait. */
export function startSyncWorld(settings: Environment = {}, options: Parameters<typeof startWorld>[1] = {}) {
  return startWorld(settings, { ...options, parameters: { departureDelaySeconds: 0, ...options.parameters } });
}

/** What one run did: its answer, its lines, what it sent and what it asked Gitea. */
export type Ran = {
  answer: Awaited<ReturnType<ReturnType<typeof syncDirectory>>>;
  lines: LogLine[];
  requests: string[];
  sent: Envelope[];
};

/** One run of the deployed function, with nothing handled afterwards. */
export async function sync(
  world: World,
  event: Consent & { dryRun?: boolean } = {},
  settings: Environment = {},
  milliseconds = 60_000,
): Promise<Ran> {
  const [lines, requests] = [world.lines.length, world.gitea.requests.length];
  const answer = await syncDirectory({ ...world.environment, ...settings })(event, {
    getRemainingTimeInMillis: () => milliseconds,
  });
  return {
    answer,
    lines: world.lines.slice(lines),
    requests: world.gitea.requests.slice(requests).map(({ method, path }) => `${method} ${path}`),
    sent: [...world.envelopesIn("identity"), ...waitingIn(world)],
  };
}

/** A run, and everything that follows from it: the departures' delay is over, every stage has answered. */
export async function syncAndSettle(
  world: World,
  ...how: Parameters<typeof sync> extends [World, ...infer Rest] ? Rest : never
) {
  const ran = await sync(world, ...how);
  const stages = await settle(world);
  return { ...ran, stages };
}

export async function settle(world: World): Promise<LogLine[]> {
  const before = world.lines.length;
  await world.drain();
  await passDepartures(world);
  await world.drain();
  return world.lines.slice(before);
}

export const waitingIn = (world: World): Envelope[] =>
  world.queues.messagesIn(DEPARTURES).map(({ body }) => Envelope.parse(JSON.parse(body)));

/** The deployed function at the end of the delay. */
async function passDepartures({ queues, environment }: World): Promise<void> {
  const { url, arn } = queues.queue(DEPARTURES);
  const handler = sendDeparturesOn(environment);
  for (;;) {
    const { Messages } = await queues.client.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        MessageSystemAttributeNames: ["All"],
        MessageAttributeNames: ["All"],
      }),
    );
    const [message] = Messages ?? [];
    if (!message) return;
    const { batchItemFailures } = await handler({ Records: [sqsRecord(message, arn)] }, context);
    if (batchItemFailures.length > 0) return;
    await queues.client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: message.ReceiptHandle }));
  }
}

export async function spawn(world: World, ...users: string[]): Promise<void> {
  for (const user of users) await world.pass(spawnOf(user));
}

/** Known to hubforge as after a spawn, without repository and starter files, which take their time. */
export async function enrol(world: World, ...users: string[]): Promise<void> {
  for (const user of users) await world.pass(spawnOf(user, { route: "refresh" }));
}

export const eventsOf = (lines: LogLine[], event: LogLine["event"]) => lines.filter((line) => line.event === event);
