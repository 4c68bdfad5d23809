import { createServer, type RequestListener } from "node:http";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Envelope, Failure } from "#shared/envelope.ts";
import { Permanent, Retryable } from "#shared/errors.ts";
import type { StageName } from "#shared/pipeline.ts";
import { cleanText, createSender, type Sender } from "#shared/queue.ts";
import type { QueueCall } from "./support/aws-rules.ts";
import { spawnOf } from "./support/envelopes.ts";
import { listen, startSilence } from "./support/ports.ts";
import { startQueues, type TestQueues } from "./support/queues.ts";

let queues: TestQueues;
let environment: Record<string, string>;
let sender: Sender;
beforeAll(async () => {
  queues = await startQueues();
  environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint };
  sender = createSender(environment);
});
afterAll(() => queues.stop());
beforeEach(() => queues.setFault(undefined));

const identity = (directoryId: string): NonNullable<Envelope["identity"]> => ({
  directoryId,
  username: "ada",
  logins: ["ada"],
  dn: "uid=ada,ou=people,dc=uni,dc=example",
  createdAt: null,
  fullName: "Ada Lovelace",
  email: "ada@uni.example",
  groups: [],
  isAdmin: false,
});

const failure = (envelope: Envelope | null, change: Partial<Failure> = {}): Failure => ({
  version: 1,
  failureId: "0123456789ab",
  class: "permanent",
  stage: "account",
  code: "account.taken",
  reason: "somebody else's",
  attempts: 1,
  firstFailedAt: "2026-11-24T09:00:02Z",
  failedAt: "2026-11-24T09:00:02Z",
  envelope,
  ...change,
});

type QueueName = Parameters<TestQueues["messagesIn"]>[0];
const messagesOf = (queue: QueueName, { delivery }: Envelope) =>
  queues.messagesIn(queue).filter(({ body }) => body.includes(`"${delivery.id}"`));
const messageOf = (queue: QueueName, envelope: Envelope) => {
  const [message, ...more] = messagesOf(queue, envelope);
  if (!message || more.length > 0) throw new Error(`${more.length + 1} messages in ${queue}`);
  return message;
};
const sent = async (queue: StageName, envelope: Envelope) => {
  await sender.sendEnvelope(queue, envelope);
  return messageOf(queue, envelope);
};

describe("an envelope on a queue", () => {
  it.each(["müller", "philip j. fry", "日本", "x".repeat(129), "a b", "a_b", "👩‍🚀"])(
    "of %j is accepted under AWS's rule for ids and found by its real name",
    async (user) => {
      const envelope = spawnOf(user);
      const message = await sent("identity", envelope);
      expect(Envelope.parse(JSON.parse(message.body))).toEqual(envelope);
      expect(message.groupId).toMatch(/^[!-~]{1,128}$/);
    },
  );

  it("is one group for Ada and ada, and never one for two people", async () => {
    const groups: (string | undefined)[] = [];
    for (const user of ["Ada", "ada", "a b", "a_b", "a-b", "日本", "日木"]) {
      groups.push((await sent("identity", spawnOf(user))).groupId);
    }
    expect(groups[0]).toBe(groups[1]);
    expect(new Set(groups).size).toBe(groups.length - 1);
  });

  it("is in the human's group from the account stage on, in the old id's while a rebuilt directory is taken over", async () => {
    const known = { identity: identity("new-id"), directoryId: "new-id" };
    const groupOf = async (user: string, change: Partial<Envelope>) =>
      (await sent("account", spawnOf(user, change))).groupId;
    expect(await groupOf("Ada", known)).toBe("new-id");
    expect(await groupOf("Ada", { ...known, rebind: { from: "old-id", to: "new-id" } })).toBe("old-id");
    expect(await groupOf("ada", { route: "depart", directoryId: "gone-id" })).toBe("gone-id");
  });

  it("is there once however often it is sent; another stage, replay or hub is another message", async () => {
    const envelope = spawnOf("grace");
    for (let time = 0; time < 3; time += 1) await sender.sendEnvelope("team", envelope);
    const { id } = envelope.delivery;
    expect(messageOf("team", envelope).deduplicationId).toBe(`default:${id}:team:0`);
    await sender.sendEnvelope("team", { ...envelope, replay: { number: 1, failedAt: [] } });
    await sender.sendEnvelope("team", { ...envelope, delivery: { ...envelope.delivery, hub: "physics" } });
    expect(messagesOf("team", envelope).map(({ deduplicationId }) => deduplicationId)).toEqual([
      `default:${id}:team:0`,
      `default:${id}:team:1`,
      `physics:${id}:team:0`,
    ]);
    expect((await sent("repository", envelope)).deduplicationId).toBe(`default:${id}:repository:0`);
  });

  it("says its stage in an attribute, which survives a native redrive", async () => {
    expect((await sent("release", spawnOf("ada", { route: "stop" }))).attributes).toEqual({ stage: "release" });
  });

  it("is cleaned of what XML 1.0 has not, and of nothing else", async () => {
    const fullName = "Ada\uFFFE Łove\uFFFFlace 👩‍🚀\u0001\u{1FFFE}";
    const { body } = await sent("account", spawnOf("ada", { identity: { ...identity("id"), fullName } }));
    const read = Envelope.parse(JSON.parse(body)).identity?.fullName;
    expect(read).toBe("Ada\uFFFD Łove\uFFFDlace 👩‍🚀\u0001\u{1FFFE}");
    expect(body).not.toMatch(/[\uFFFE\uFFFF]/);
  });
});

describe("the text that is sent", () => {
  it("has only characters that SQS takes, is the same when it had them before, and stays JSON", () => {
    const anything = fc.string({ unit: "binary", maxLength: 60 });
    const odd = fc.constantFrom(
      "\uFFFE",
      "\uFFFF",
      "\uD800",
      "\uDFFF",
      "\u0000",
      "\u000B",
      "\u001F",
      "\t\n\r",
      "\u007F",
      "\u{10FFFF}",
    );
    const text = fc.array(fc.oneof(anything, odd)).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, (dirty) => {
        const clean = cleanText(dirty);
        // https://www.w3.org/TR/REC-xml/#charsets, as the SQS API reference quotes it.
        expect(clean).toMatch(/^[\t\n\r -\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]*$/u);
        expect(cleanText(clean)).toBe(clean);
        expect(clean.length).toBe(dirty.length);
        expect(() => JSON.parse(cleanText(JSON.stringify({ [dirty]: dirty })))).not.toThrow();
      }),
    );
  });
});

describe("a message's size", () => {
  const withFullName = (characters: number) =>
    spawnOf("ada", { identity: { ...identity("id"), fullName: "é".repeat(characters) } });

  it("may be nearly 1 MiB, counted in bytes", async () => {
    const { body } = await sent("account", withFullName(520_000));
    expect(Buffer.byteLength(body)).toBeGreaterThan(1_040_000);
  });

  it("beyond that is Permanent, said before SQS is asked", async () => {
    const calls: QueueCall[] = [];
    queues.setFault((call) => void calls.push(call));
    const sending = sender.sendEnvelope("account", withFullName(525_000));
    await expect(sending).rejects.toThrow(Permanent);
    await expect(sending).rejects.toMatchObject({ code: "envelope.too-large" });
    expect(calls).toEqual([]);
  });
});

describe("when a queue does not accept", () => {
  it("the stage may try again, and hears which queue it was and why", async () => {
    queues.setFault(() => "down");
    const sending = sender.sendEnvelope("team", spawnOf("ada"));
    await expect(sending).rejects.toThrow(Retryable);
    await expect(sending).rejects.toMatchObject({
      code: "queue.unreachable",
      message: expect.stringMatching(/^queue team did not accept: .*the queue is down/),
    });
  });

  it("it is not waited for beyond the signal", async () => {
    await using silent = await startSilence();
    const lost = createSender({
      ...environment,
      AWS_ENDPOINT_URL: silent.url,
      QUEUE_URL_TEAM: `${silent.url}/1/team.fifo`,
    });
    const sending = lost.sendEnvelope("team", spawnOf("ada"), AbortSignal.timeout(50));
    await expect(sending).rejects.toMatchObject({ code: "queue.unreachable" });
  });

  it("an answer that was lost leaves one message when it is sent again", async () => {
    const envelope = spawnOf("ada");
    queues.setFault(() => "lost");
    await expect(sender.sendEnvelope("templates", envelope)).rejects.toMatchObject({ code: "queue.unreachable" });
    queues.setFault(undefined);
    await sender.sendEnvelope("templates", envelope);
    expect(messagesOf("templates", envelope)).toHaveLength(1);
  });

  it("a queue that this function was not given is named by its variable", async () => {
    const poor = createSender({ AWS_ENDPOINT_URL: queues.endpoint });
    await expect(poor.sendFailure(failure(null))).rejects.toMatchObject({
      code: "settings.wrong",
      message: expect.stringContaining("QUEUE_URL_DEAD_LETTERS"),
    });
  });
});

describe("a letter", () => {
  it("is written whole, with its reason cleaned", async () => {
    const letter = failure(spawnOf("ada"), { reason: "Gitea said: no\uFFFEt possible" });
    await sender.sendFailure(letter);
    const [message] = queues.messagesIn("dead-letters");
    expect(Failure.parse(JSON.parse(message?.body ?? ""))).toEqual({
      ...letter,
      reason: "Gitea said: no\uFFFDt possible",
    });
  });
});

describe("a batch", () => {
  it("has sent only what SQS says that it took: of all else each is told to be sent again", async () => {
    const silent: RequestListener = (_, response) => {
      response.writeHead(200, { "content-type": "application/x-amz-json-1.0" }).end("{}");
    };
    const server = createServer(silent);
    const port = await listen(server);
    const toNobody = createSender({ ...environment, AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` });
    const envelopes = [spawnOf("ada"), spawnOf("bob")];
    const refused = await toNobody.sendBatch("identity", envelopes, AbortSignal.timeout(5000));
    expect(refused.map(({ envelope }) => envelope)).toEqual(envelopes);
    server.closeAllConnections();
    server.close();
  });
});
