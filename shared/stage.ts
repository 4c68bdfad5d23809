import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { loadSettings, SettingsError } from "./config.ts";
import { Envelope, type Failure } from "./envelope.ts";
import { Permanent, Retryable, Unauthorized } from "./errors.ts";
import { type LogFields, log, type Outcome } from "./log.ts";
import { nextStage, type StageName } from "./pipeline.ts";
import { cleanText, createSender, failureId, RAW_BODY_LIMIT, type Sender, shortHash } from "./queue.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What an invocation gives to the outside it opens: its deadline, and a place where requests are counted. */
export type Invocation = { signal: AbortSignal; requests: { total: number; writes: number } };

/** Connects an environment's settings to the outside once (a cold start); the result opens it for each invocation. */
export type Connect<Tools> = (environment: Environment) => Promise<(invocation: Invocation) => Tools>;

/** What a stage has made true, and what it learned for the stages after it. */
export type Ensured = {
  outcome: Outcome;
  learned?: Partial<Pick<Envelope, "route" | "identity" | "directoryId" | "account" | "team" | "repository">>;
  /** For the log line: what an on-call person would want to see. */
  details?: Pick<LogFields, "account" | "repository" | "commit" | "mailConflict" | "notices">;
};

/** Makes one thing true; safe to repeat. Throws Permanent or Retryable when it cannot. */
export type Ensure<Tools> = (envelope: Envelope, tools: Tools & { now: Date; signal: AbortSignal }) => Promise<Ensured>;

type LambdaContext = { getRemainingTimeInMillis(): number };
type StageHandler = (event: SQSEvent, context: LambdaContext) => Promise<SQSBatchResponse>;

/**
 * The SQS handler around an ensure function (DESIGN §1): parses the envelope, keeps the deadline, forwards, and turns
 * failures into dead letters or a later visibility. It returns and never throws: a thrown error would slow everybody.
 */
export function stage<Tools>(
  name: StageName,
  connect: Connect<Tools>,
  ensure: Ensure<Tools>,
  environment: Environment = process.env,
): StageHandler {
  const run = createRunner(name, connect, ensure, environment);
  return async (event, context) => {
    const batchItemFailures: { itemIdentifier: string }[] = [];
    for (const record of event.Records) {
      // After one failure the rest of the batch keeps its order by failing too; batchSize is 1, so there is no rest.
      const isDone = batchItemFailures.length === 0 && (await run(record, context));
      if (!isDone) batchItemFailures.push({ itemIdentifier: record.messageId });
    }
    return { batchItemFailures };
  };
}

function createRunner<Tools>(
  name: StageName,
  connect: Connect<Tools>,
  ensure: Ensure<Tools>,
  environment: Environment,
) {
  let connected: Promise<(invocation: Invocation) => Tools> | undefined;
  let sender: Sender | undefined;

  const attempt = async (envelope: Envelope, invocation: Invocation, queues: Sender): Promise<Ensured> => {
    connected ??= connect(environment);
    const open = await connected;
    const ensured = await ensure(envelope, { ...open(invocation), now: new Date(), signal: invocation.signal });
    const learned = { ...envelope, ...ensured.learned };
    const next = nextStage(learned.route, name);
    if (next) await queues.sendEnvelope(next, learned, invocation.signal);
    return ensured;
  };

  return async (record: SQSRecord, context: LambdaContext): Promise<boolean> => {
    sender ??= createSender(environment);
    const startedAt = Date.now();
    const invocation: Invocation = { signal: deadlineOf(context), requests: { total: 0, writes: 0 } };
    const parsed = parseEnvelope(record.body);
    if (!parsed.envelope) return await bury(name, sender, invalidEnvelope(name, record, parsed.problem), record);
    const { envelope } = parsed;
    try {
      const ensured = await beforeDeadline(attempt(envelope, invocation, sender), invocation.signal);
      logOutcome(name, envelope, record, ensured, invocation, startedAt);
      return true;
    } catch (thrown) {
      const error = asStageError(thrown);
      // A rotated secret is read again at the next try; what could not be read or parsed is tried anew as well.
      if (error instanceof Unauthorized || error.code.startsWith("settings.")) connected = undefined;
      return await settleFailure({ name, sender, envelope, record, error, environment });
    }
  };
}

/** The stage ends by itself before Lambda ends it: 8 of 10 s, or the same share of what a test allows. */
function deadlineOf(context: LambdaContext): AbortSignal {
  return AbortSignal.timeout(Math.min(8000, context.getRemainingTimeInMillis() * 0.8));
}

async function beforeDeadline<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise: deadline, reject } = Promise.withResolvers<never>();
  const expire = () => reject(new Retryable("stage.deadline", "the stage did not end within its deadline"));
  signal.addEventListener("abort", expire, { once: true });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    signal.removeEventListener("abort", expire);
  }
}

function parseEnvelope(body: string): { envelope: Envelope } | { envelope: undefined; problem: string } {
  let content: unknown;
  try {
    content = JSON.parse(body);
  } catch {
    return { envelope: undefined, problem: "the message is not JSON" };
  }
  const parsed = Envelope.safeParse(content);
  if (parsed.success) return { envelope: parsed.data };
  const issues = parsed.error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join(".") || "(root)"}: ${issue.message}`);
  return { envelope: undefined, problem: `the message is not an envelope: ${issues.join("; ")}` };
}

function asStageError(thrown: unknown): Permanent | Retryable {
  if (thrown instanceof Permanent || thrown instanceof Retryable) return thrown;
  if (thrown instanceof SettingsError) return new Retryable("settings.wrong", thrown.message, { cause: thrown });
  const what = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return new Retryable("stage.unexpected", `unexpected: ${what}`, { cause: thrown });
}

type Trouble = {
  name: StageName;
  sender: Sender;
  envelope: Envelope;
  record: SQSRecord;
  error: Permanent | Retryable;
  environment: Environment;
};

/** True when the message is done with (a letter was written); false when it comes back. */
async function settleFailure(trouble: Trouble): Promise<boolean> {
  const { name, sender, envelope, record, error, environment } = trouble;
  if (error instanceof Permanent) return await bury(name, sender, letterOf(trouble, "permanent"), record);
  const attempt = receiveCount(record);
  if (await isExhausted(record, environment)) return await bury(name, sender, letterOf(trouble, "exhausted"), record);
  const retryInSeconds = waitSeconds(attempt, error.retryAfterSeconds);
  log("stage.retried", {
    ...subject(envelope),
    stage: name,
    attempt,
    code: error.code,
    reason: error.message,
    retryInSeconds,
    ...(error.code === "stage.unexpected" && error.cause instanceof Error ? { stack: error.cause.stack } : {}),
  });
  // When even this fails the queue's own visibility time-out brings the message back.
  await sender
    .giveBack(name, record.receiptHandle, retryInSeconds)
    .catch((cause: Error) => logNotGivenBack(name, envelope, cause));
  return false;
}

function logNotGivenBack(name: StageName, envelope: Envelope, cause: Error): void {
  log("stage.retried", { ...subject(envelope), stage: name, code: "queue.unreachable", reason: cause.message });
}

async function bury(name: StageName, sender: Sender, failure: Failure, record: SQSRecord): Promise<boolean> {
  const { code, reason, attempts } = failure;
  const fields = {
    ...(failure.envelope ? subject(failure.envelope) : {}),
    stage: name,
    attempt: attempts,
    failureId: failure.failureId,
  };
  try {
    await sender.sendFailure(failure);
    log("stage.dead-lettered", { ...fields, outcome: failure.class, code, reason, messageId: record.messageId });
    return true;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    log("stage.not-dead-lettered", {
      ...fields,
      code,
      reason: `${reason} (and the letter could not be written: ${why})`,
    });
    return false;
  }
}

function letterOf({ name, envelope, record, error }: Trouble, kind: "permanent" | "exhausted"): Failure {
  return {
    version: 1,
    failureId: failureId(envelope, name),
    class: kind,
    stage: name,
    code: error.code,
    reason: cleanText(error.message),
    attempts: receiveCount(record),
    firstFailedAt: firstReceivedAt(record).toISOString(),
    failedAt: new Date().toISOString(),
    ...(error.request ? { request: error.request } : {}),
    envelope,
  };
}

function invalidEnvelope(name: StageName, record: SQSRecord, problem: string): Failure {
  return {
    version: 1,
    failureId: shortHash(`${name}:${record.messageId}`),
    class: "permanent",
    stage: name,
    code: "envelope.invalid",
    reason: problem,
    attempts: receiveCount(record),
    firstFailedAt: firstReceivedAt(record).toISOString(),
    failedAt: new Date().toISOString(),
    envelope: null,
    rawBody: record.body.slice(0, RAW_BODY_LIMIT),
  };
}

function receiveCount(record: SQSRecord): number {
  return Number(record.attributes.ApproximateReceiveCount);
}

function firstReceivedAt(record: SQSRecord): Date {
  return new Date(Number(record.attributes.ApproximateFirstReceiveTimestamp));
}

/** The time since the *first receive* counts, so that waiting behind another message costs nothing. */
async function isExhausted(record: SQSRecord, environment: Environment): Promise<boolean> {
  const maxReceiveCount = Number(environment["MAX_RECEIVE_COUNT"] ?? 30);
  if (receiveCount(record) >= maxReceiveCount) return true;
  const minutes = await retryForMinutes(environment);
  return Date.now() - firstReceivedAt(record).getTime() >= minutes * 60_000;
}

/** A wrong setting must not cost events: the longest time is taken, and the stage's own settings say what is wrong. */
async function retryForMinutes(environment: Environment): Promise<number> {
  const settings = await loadSettings(["retries"], environment).catch(() => undefined);
  return settings?.RETRY_FOR_MINUTES ?? 60;
}

const WAITS_SECONDS = [4, 8, 15, 45, 120, 300];
const LONGEST_RETRY_AFTER_SECONDS = 900;

/**
 * How long the `attempt`-th failure waits, in seconds: at random from the upper half of its step, so that a crowd that
 * failed together does not return together. 30 receives last at least an hour this way.
 */
export function waitSeconds(attempt: number, retryAfterSeconds: number | undefined, random = Math.random()): number {
  if (retryAfterSeconds !== undefined)
    return Math.min(Math.max(1, Math.ceil(retryAfterSeconds)), LONGEST_RETRY_AFTER_SECONDS);
  const step = WAITS_SECONDS[Math.min(attempt, WAITS_SECONDS.length) - 1] ?? 300;
  return Math.ceil(step / 2 + (step / 2) * random);
}

function subject(envelope: Envelope): LogFields {
  const { delivery, route, replay } = envelope;
  return {
    delivery: delivery.id,
    hub: delivery.hub,
    person: delivery.user,
    route,
    ...(replay.number > 0 ? { replay: replay.number, replayReason: replay.reason } : {}),
  };
}

function logOutcome(
  name: StageName,
  envelope: Envelope,
  record: SQSRecord,
  ensured: Ensured,
  { requests }: Invocation,
  startedAt: number,
): void {
  log(`${name}.${ensured.outcome}`, {
    ...subject(envelope),
    stage: name,
    outcome: ensured.outcome,
    attempt: receiveCount(record),
    milliseconds: Date.now() - startedAt,
    giteaRequests: requests.total,
    giteaWrites: requests.writes,
    ...ensured.details,
  });
}
