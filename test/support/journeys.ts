import { DeleteMessageCommand } from "@aws-sdk/client-sqs";
import type { SQSRecord } from "aws-lambda";
import { expect, onTestFinished } from "vitest";
import { Envelope, type Failure } from "#shared/envelope.ts";
import type { LogLine } from "#shared/log.ts";
import { ROUTES, STAGES, type StageName } from "#shared/pipeline.ts";
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

/**
 * One message that a test has delivered as often as it likes, without waiting for its visibility time-out. What is not done
 * in the end must be dropped, and what it led to drained or discarded: the test fails that leaves anything.
 */
export async function deliver(
  world: World,
  stage: StageName,
  envelope: Envelope,
  using = world.handlers,
): Promise<Delivered & { again: () => Promise<Delivered>; drop: () => Promise<void> }> {
  expectNothingLeft(world);
  sent += 1; // SQS would take the same delivery for a duplicate
  await world.sender.sendEnvelope(stage, { ...envelope, replay: { ...envelope.replay, number: sent } });
  const record = await receiveOwn(world, stage, envelope);
  const again = () => world.invoke(stage, record, using);
  return { ...(await again()), again, drop: () => remove(world, stage, record) };
}

async function receiveOwn(world: World, stage: StageName, { delivery }: Envelope): Promise<SQSRecord> {
  const record = await world.receive(stage);
  if (record?.body.includes(`"id":"${delivery.id}"`)) return record;
  throw new Error(`queue ${stage} gave ${record?.body ?? "nothing: its group is locked"}`);
}

/** Takes a journey up to a stage and hands over the envelope that would have gone into it. */
export async function walkTo(world: World, target: StageName, envelope: Envelope, using = world.handlers) {
  expectNothingLeft(world);
  const stages = ROUTES[envelope.route];
  await world.sender.sendEnvelope(stages[0], envelope);
  for (const stage of stages.slice(0, stages.indexOf(target))) {
    const { isDone, lines } = await world.invoke(stage, await receiveOwn(world, stage, envelope), using);
    if (!isDone) throw new Error(`the journey ended at ${stage}: ${JSON.stringify(lines)}`);
  }
  const record = await receiveOwn(world, target, envelope);
  await remove(world, target, record);
  return Envelope.parse(JSON.parse(record.body));
}

let watchedTest: string | undefined;

/** At the end of this test, after its `afterEach`: the next one would meet what lies in a stage's queue, or wait behind it. */
function expectNothingLeft(world: World): void {
  const { currentTestName } = expect.getState();
  if (watchedTest === currentTestName) return;
  watchedTest = currentTestName;
  onTestFinished(() => {
    const left = STAGES.flatMap((stage) =>
      world.envelopesIn(stage).map(({ delivery }) => `${stage}: ${delivery.user}`),
    );
    expect(left, "what this test left in the queues").toEqual([]);
  });
}

/** Throws away what was forwarded to these stages, for a test that is about the stage before. */
export async function discard(world: World, ...stages: StageName[]): Promise<void> {
  for (const stage of stages) {
    for (let record = await world.receive(stage); record; record = await world.receive(stage)) {
      await remove(world, stage, record);
    }
  }
}

async function remove(world: World, stage: StageName, { receiptHandle }: SQSRecord): Promise<void> {
  const { url } = world.queues.queue(stage);
  await world.queues.client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: receiptHandle }));
}

/** The code and words of the retry that these lines tell of. */
export function retryOf(lines: LogLine[]): Pick<LogLine, "code" | "reason" | "retryInSeconds"> | undefined {
  const retried = lines.find(({ event }) => event === "stage.retried");
  return (
    retried && { code: retried.code ?? "", reason: retried.reason ?? "", retryInSeconds: retried.retryInSeconds ?? 0 }
  );
}
