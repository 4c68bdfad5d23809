import { ChangeMessageVisibilityCommand, DeleteMessageCommand } from "@aws-sdk/client-sqs";
import type { SQSRecord } from "aws-lambda";
import type { Envelope } from "#shared/envelope.ts";
import { ROUTES, type StageName } from "#shared/pipeline.ts";
import { type Faults, incarnate } from "./incarnation.ts";
import { createHandlers, type World } from "./world.ts";

/** What befalls the incarnations that get this message, one after the other; later ones are left in peace. */
export type Fate = { stage: StageName; lives: Faults[] };

/** A call of a stage at which something can happen, as the undisturbed run made it. */
export type CrashPoint = { stage: StageName; number: number; call: string };

export type Course = {
  /** `<stage> <number> <fault>` for every fault that struck. */
  struck: string[];
  /** What must not be: a message that never ends. */
  violations: string[];
};

/** More than two struck lives and their repeats ever need. */
const MOST_DELIVERIES = 8;
/** A life that is to see a time-out: its deadline is 0.8 of this. Longer ones follow where the machine was too slow. */
const SHORT_LIVES_MILLISECONDS = [450, 1_500, 5_000];

/** Sends the envelope through its route and lets fate strike; what fails comes back at once instead of in its time. */
export async function runCourse(
  world: World,
  environment: World["environment"],
  envelope: Envelope,
  fate?: Fate,
): Promise<Course> {
  const course: Course = { struck: [], violations: [] };
  const peaceful = createHandlers(environment);
  const stages = ROUTES[envelope.route];
  await world.sender.sendEnvelope(stages[0], envelope);
  for (const stage of stages) {
    const lives = fate?.stage === stage ? [...fate.lives] : [];
    let deliveries = 0;
    for (let record = await world.receive(stage); record; record = await world.receive(stage)) {
      deliveries += 1;
      if (deliveries > MOST_DELIVERIES) {
        course.violations.push(`${stage}: still not done after ${MOST_DELIVERIES} deliveries`);
        await acknowledge(world, stage, record);
        break;
      }
      const faults = lives.shift();
      const isDone = faults
        ? await strike({ world, environment, stage, record, faults }, course)
        : (await peaceful[stage]({ Records: [record] }, plenty)).batchItemFailures.length === 0;
      await (isDone ? acknowledge(world, stage, record) : comeBack(world, stage, record));
    }
  }
  return course;
}

const plenty = { getRemainingTimeInMillis: () => 10_000 };

type Blow = {
  world: World;
  environment: World["environment"];
  stage: StageName;
  record: SQSRecord;
  faults: Faults;
};

/** One life under these faults. True when the handler lived and said that the message is done with. */
async function strike({ environment, stage, record, faults }: Blow, course: Course): Promise<boolean> {
  const needsTimeOut = [...faults.values()].includes("time-out");
  for (const milliseconds of needsTimeOut ? SHORT_LIVES_MILLISECONDS : [10_000]) {
    const life = await incarnate(environment, faults);
    const context = { getRemainingTimeInMillis: () => milliseconds };
    const answer = await Promise.race([life.handlers[stage]({ Records: [record] }, context), life.death]);
    void life.end();
    course.struck.push(...[...life.struck].map((number) => `${stage} ${number} ${faults.get(number)}`));
    if (life.struck.size > 0 || answer?.batchItemFailures.length === 0) return answer?.batchItemFailures.length === 0;
  }
  return false;
}

async function acknowledge({ queues }: World, stage: StageName, { receiptHandle }: SQSRecord): Promise<void> {
  await queues.client.send(
    new DeleteMessageCommand({ QueueUrl: queues.queue(stage).url, ReceiptHandle: receiptHandle }),
  );
}

async function comeBack({ queues }: World, stage: StageName, { receiptHandle }: SQSRecord): Promise<void> {
  const command = new ChangeMessageVisibilityCommand({
    QueueUrl: queues.queue(stage).url,
    ReceiptHandle: receiptHandle,
    VisibilityTimeout: 0,
  });
  await queues.client.send(command);
}

/** All calls of an undisturbed run, stage by stage. */
export async function crashPoints(
  world: World,
  environment: World["environment"],
  envelope: Envelope,
): Promise<CrashPoint[]> {
  const points: CrashPoint[] = [];
  const stages = ROUTES[envelope.route];
  await world.sender.sendEnvelope(stages[0], envelope);
  for (const stage of stages) {
    const record = await world.receive(stage);
    if (!record) break;
    const life = await incarnate(environment, new Map());
    const answer = await life.handlers[stage]({ Records: [record] }, plenty);
    await life.end();
    if (answer.batchItemFailures.length > 0) throw new Error(`the undisturbed ${stage} failed`);
    await acknowledge(world, stage, record);
    points.push(...life.calls.map((call, place) => ({ stage, number: place + 1, call })));
  }
  return points;
}
