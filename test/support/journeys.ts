import { DeleteMessageCommand } from "@aws-sdk/client-sqs";
import { Envelope, type Failure } from "#shared/envelope.ts";
import type { LogLine } from "#shared/log.ts";
import { ROUTES, type StageName } from "#shared/pipeline.ts";
import { createHandlers, type Delivered, type World } from "./world.ts";

/** What each stage said, in the order in which they ran: `["identity.unchanged", "account.created", …]`. */
export function outcomes(lines: LogLine[]): string[] {
  return lines.flatMap(({ event, outcome, stage }) => (outcome && event === `${stage}.${outcome}` ? [event] : []));
}

export const requestsOf = (lines: LogLine[]) => total(lines.map(({ giteaRequests = 0 }) => giteaRequests));
export const writesOf = (lines: LogLine[]) => total(lines.map(({ giteaWrites = 0 }) => giteaWrites));

const total = (numbers: number[]) => numbers.reduce((sum, each) => sum + each, 0);

export const summary = (lines: LogLine[]) => ({ outcomes: outcomes(lines), writes: writesOf(lines) });

/** Every stage of a spawn found everything as it should be, and wrote nothing. */
export const NOTHING_TO_DO = { outcomes: ROUTES.spawn.map((stage) => `${stage}.unchanged`), writes: 0 };

/** The letters about one person, `<stage> <class> <code>` each. */
export function lettersOf(letters: Failure[], user: string): string[] {
  return letters
    .filter(({ envelope }) => envelope?.delivery.user === user)
    .map((letter) => `${letter.stage} ${letter.class} ${letter.code}`);
}

/** The same world with other settings, started cold. */
export function under(world: World, settings: Record<string, string>) {
  const handlers = createHandlers({ ...world.environment, ...settings });
  return {
    handlers,
    pass: async (envelope: Envelope, from: StageName = "identity"): Promise<LogLine[]> => {
      await world.sender.sendEnvelope(from, envelope);
      return await world.drain(handlers);
    },
  };
}

let sent = 0;

/** One message that a test has delivered as often as it likes, without waiting for its visibility time-out. */
export async function deliver(
  world: World,
  stage: StageName,
  envelope: Envelope,
  using = world.handlers,
): Promise<Delivered & { again: () => Promise<Delivered> }> {
  sent += 1; // SQS would take the same delivery for a duplicate
  await world.sender.sendEnvelope(stage, { ...envelope, replay: { ...envelope.replay, number: sent } });
  const record = await world.receive(stage);
  if (!record) throw new Error(`queue ${stage} gave nothing: its group is locked`);
  const again = () => world.invoke(stage, record, using);
  return { ...(await again()), again };
}

/** Takes a journey up to a stage and hands over the envelope that would have gone into it. */
export async function walkTo(world: World, target: StageName, envelope: Envelope, using = world.handlers) {
  const stages = ROUTES[envelope.route];
  await world.sender.sendEnvelope(stages[0], envelope);
  for (const stage of stages.slice(0, stages.indexOf(target))) {
    const record = await world.receive(stage);
    const { isDone, lines } = record ? await world.invoke(stage, record, using) : { isDone: false, lines: [] };
    if (!isDone) throw new Error(`the journey ended at ${stage}: ${JSON.stringify(lines)}`);
  }
  return await takeFrom(world, target);
}

async function takeFrom(world: World, stage: StageName): Promise<Envelope> {
  const record = await world.receive(stage);
  if (!record) throw new Error(`nothing was forwarded to ${stage}`);
  const { url } = world.queues.queue(stage);
  await world.queues.client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: record.receiptHandle }));
  return Envelope.parse(JSON.parse(record.body));
}

/** The code and words of the retry that these lines tell of. */
export function retryOf(lines: LogLine[]): Pick<LogLine, "code" | "reason" | "retryInSeconds"> | undefined {
  const retried = lines.find(({ event }) => event === "stage.retried");
  return (
    retried && { code: retried.code ?? "", reason: retried.reason ?? "", retryInSeconds: retried.retryInSeconds ?? 0 }
  );
}
