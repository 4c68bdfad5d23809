import type { SQSRecord } from "aws-lambda";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Envelope } from "#shared/envelope.ts";
import { nextStage, ROUTES, STAGES, type StageName } from "#shared/pipeline.ts";
import { spawnOf } from "./support/envelopes.ts";
import { personState } from "./support/person-state.ts";
import { CLOSED_PORT, startSilence } from "./support/ports.ts";
import { mintSessionToken } from "./support/session-tokens.ts";
import { newPerson } from "./support/slapd.ts";
import { createHandlers, startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());
afterEach(async () => {
  world.gitea.faults.clear();
  world.queues.setFault(undefined);
  await world.drain(); // or the next test would receive this one's message
});

const DONE = { batchItemFailures: [] };
const comesBack = (...records: SQSRecord[]) => ({
  batchItemFailures: records.map(({ messageId }) => ({ itemIdentifier: messageId })),
});

/** Nobody listens where LDAP and Gitea should be. */
const outage = (port: number) =>
  createHandlers({
    ...world.environment,
    GITEA_URL: `http://127.0.0.1:${port}`,
    LDAP_URLS: `ldap://127.0.0.1:${port}`,
  });

let people = 0;
/** Somebody whom nobody has met yet, in the directory. */
async function newcomer(): Promise<string> {
  people += 1;
  const user = `person${people}`;
  await world.slapd.modify(newPerson(user, `mail: ${user}@uni.example`));
  return user;
}

/** An event of that person on the route that leads through `stage`. */
async function eventFor(stage: StageName, user: string): Promise<Envelope> {
  const envelope = spawnOf(user);
  if (stage !== "release") return envelope;
  await world.pass(spawnOf(user));
  const { delivery } = envelope;
  await mintSessionToken(world, user, delivery);
  return { ...envelope, route: "stop", delivery: { ...delivery, account: user } };
}

/** Goes through the stages before `stage` and returns the message that is now received there. */
async function arrive(stage: StageName, envelope: Envelope): Promise<SQSRecord> {
  const stages = ROUTES[envelope.route];
  await world.sender.sendEnvelope(stages[0], envelope);
  const { id } = envelope.delivery;
  for (const earlier of stages.slice(0, stages.indexOf(stage)))
    await world.invoke(earlier, await received(earlier, id));
  return await received(stage, id);
}

/** What an earlier test gave back may be visible again by now: it is passed over. */
async function received(stage: StageName, delivery: string): Promise<SQSRecord> {
  for (let record = await world.receive(stage); record; record = await world.receive(stage)) {
    if (record.body.includes(JSON.stringify(delivery))) return record;
  }
  throw new Error(`delivery ${delivery} did not arrive at ${stage}`);
}

async function handle(stage: StageName, records: SQSRecord[], using = world.handlers, milliseconds = 10_000) {
  const before = world.lines.length;
  const answer = await using[stage]({ Records: records }, { getRemainingTimeInMillis: () => milliseconds });
  return { answer, lines: world.lines.slice(before) };
}

/** Everywhere that this delivery could have been forwarded to. */
const forwarded = ({ delivery }: Envelope) =>
  STAGES.flatMap((stage) =>
    world.queues
      .messagesIn(stage)
      .filter(({ body, state }) => body.includes(`"${delivery.id}"`) && state !== "in flight")
      .map(({ groupId, deduplicationId }) => ({ stage, groupId, deduplicationId })),
  );
const letterOf = ({ delivery }: Envelope) =>
  world.letters().filter(({ envelope }) => envelope?.delivery.id === delivery.id);
const effects = () => world.gitea.requests.filter(({ method, status }) => method !== "GET" && status < 300);
const visibilityCalls = () => {
  const seconds: unknown[] = [];
  world.queues.setFault(({ action, body }) => {
    if (action === "ChangeMessageVisibility") seconds.push(JSON.parse(body).VisibilityTimeout);
    return undefined;
  });
  return seconds;
};

describe.each(STAGES)("the stage %s", (stage) => {
  it("makes its fact true, says so in one line, hands on exactly once, and answers as Lambda wants it", async () => {
    const user = await newcomer();
    const envelope = await eventFor(stage, user);
    const record = await arrive(stage, envelope);
    const { answer, lines } = await handle(stage, [record]);
    expect(answer).toEqual(DONE);
    expect(lines).toMatchObject([
      { event: expect.stringMatching(`^${stage}\\.(created|updated|unchanged)$`), stage, person: user, attempt: 1 },
    ]);
    expect(lines[0]).toMatchObject({
      level: "info",
      delivery: envelope.delivery.id,
      route: envelope.route,
      hub: "default",
    });

    // The acknowledgement was lost: the same message comes once more.
    const state = await personState(world, user);
    expect((await handle(stage, [record])).answer).toEqual(DONE);
    expect(await personState(world, user)).toEqual(state);

    const next = nextStage(envelope.route, stage);
    const message = {
      stage: next,
      groupId: expect.stringMatching(/^[0-9a-f-]{36}$/), // the directory id
      deduplicationId: `default:${envelope.delivery.id}:${next}:0`,
    };
    expect(forwarded(envelope)).toEqual(next ? [message] : []);
    expect(letterOf(envelope)).toEqual([]);
  });

  it("finds everything as it should be for the next event of that person, and writes nothing", async () => {
    const user = await newcomer();
    const first = await eventFor(stage, user);
    await world.pass(first, ROUTES[first.route][0]);
    const again = { ...first, delivery: { ...first.delivery, id: `${first.delivery.id}-again` } };
    const record = await arrive(stage, again);
    world.gitea.requests.length = 0;
    const { answer, lines } = await handle(stage, [record]);
    expect(answer).toEqual(DONE);
    expect(lines.map(({ event }) => event)).toEqual([`${stage}.unchanged`]);
    expect(effects()).toEqual([]);
    // The token is not looked for before it is revoked.
    expect(lines[0]?.giteaWrites).toBe(stage === "release" ? 1 : 0);
  });

  it("that fails for good writes one letter with its reason and is done with the message", async () => {
    const envelope = stage === "identity" ? spawnOf("nobody") : await eventFor(stage, await newcomer());
    const record = await arrive(stage, envelope);
    // A message that SQS would refuse to carry (F7 of README.md).
    world.gitea.faults.add({ times: "always", status: 400, body: { message: "no\uFFFEt like this" } });
    const { answer, lines } = await handle(stage, [record]);
    expect(answer).toEqual(DONE);
    const [letter, ...more] = letterOf(envelope);
    expect(more).toEqual([]);
    expect(letter).toMatchObject({ class: "permanent", stage, attempts: 1, envelope: { delivery: envelope.delivery } });
    if (stage === "identity") expect(letter).toMatchObject({ code: "person.unknown" });
    else {
      expect(letter).toMatchObject({
        code: "gitea.refused",
        request: { method: expect.stringMatching(/^[A-Z]+$/), path: expect.stringMatching(/^\//), status: 400 },
        reason: expect.stringContaining("answered 400: no\uFFFDt like this"),
      });
    }
    expect(forwarded(envelope)).toEqual([]);
    expect(lines).toMatchObject([
      {
        event: "stage.dead-lettered",
        level: "error",
        outcome: "permanent",
        code: letter?.code,
        failureId: letter?.failureId,
      },
    ]);
  });

  it("that meets an outage gives the message back for a while of its own, and hands nothing on", async () => {
    const envelope = await eventFor(stage, await newcomer());
    const record = await arrive(stage, envelope);
    const seconds = visibilityCalls();
    const { answer, lines } = await handle(stage, [record], outage(CLOSED_PORT));
    expect(answer).toEqual(comesBack(record));
    expect(seconds).toEqual([expect.toSatisfy((wait: number) => wait >= 2 && wait <= 4)]);
    expect(lines).toMatchObject([
      {
        event: "stage.retried",
        level: "warn",
        code: expect.stringMatching(/^(gitea|ldap)\.unreachable$/),
        retryInSeconds: seconds[0],
      },
    ]);
    expect(forwarded(envelope)).toEqual([]);
    expect(letterOf(envelope)).toEqual([]);
    expect((await handle(stage, [record])).answer).toEqual(DONE);
  });

  it("ends by itself before Lambda would end it, when nobody answers", async () => {
    const record = await arrive(stage, await eventFor(stage, await newcomer()));
    await using silent = await startSilence();
    const seconds = visibilityCalls();
    const startedAt = performance.now();
    const { answer, lines } = await handle(stage, [record], outage(silent.port), 1_000);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(answer).toEqual(comesBack(record));
    expect(seconds).toHaveLength(1);
    expect(lines).toMatchObject([{ event: "stage.retried", code: expect.stringMatching(/deadline|unreachable/) }]);
  });

  it("makes a letter with the raw body of what is no envelope", async () => {
    const record = await arrive(stage, await eventFor(stage, await newcomer()));
    const { answer, lines } = await handle(stage, [{ ...record, body: "spawn ada" }]);
    expect(answer).toEqual(DONE);
    expect(world.letters().at(-1)).toMatchObject({
      stage,
      class: "permanent",
      code: "envelope.invalid",
      rawBody: "spawn ada",
    });
    expect(lines).toMatchObject([{ event: "stage.dead-lettered", stage, code: "envelope.invalid" }]);
    expect((await handle(stage, [record])).answer).toEqual(DONE);
  });

  it("keeps the order of a batch: after a failure it tries nothing more", async () => {
    const records = [
      await arrive(stage, await eventFor(stage, await newcomer())),
      await arrive(stage, await eventFor(stage, await newcomer())),
    ];
    const failing = await handle(stage, records, outage(CLOSED_PORT));
    expect(failing.answer).toEqual(comesBack(...records));
    expect(failing.lines.map(({ person }) => person)).toEqual([`person${people - 1}`]);
    const working = await handle(stage, records);
    expect(working.answer).toEqual(DONE);
    expect(working.lines.map(({ person }) => person)).toEqual([`person${people - 1}`, `person${people}`]);
  });
});
