import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { type Environment, SettingsError } from "./config.ts";
import type { Envelope } from "./envelope.ts";
import { Permanent, Retryable, Unauthorized } from "./errors.ts";
import { failureOf, invalidFailureOf, parseEnvelope, writeLetter } from "./letters.ts";
import { type LogFields, log, type Outcome, subjectOf } from "./log.ts";
import { nextStage, type StageName } from "./pipeline.ts";
import { createSender, type Sender } from "./queue.ts";
import { isExhausted, receiveCount, waitSeconds } from "./retries.ts";

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
export type Ensure<Tools> = (envelope: Envelope, tools: Tools & { signal: AbortSignal }) => Promise<Ensured>;

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
      // After one failure the rest of a batch keeps its order by failing too; batchSize is 1, so there is no rest.
      const isDone = batchItemFailures.length === 0 && (await run(record, context));
      if (!isDone) batchItemFailures.push({ itemIdentifier: record.messageId });
    }
    return { batchItemFailures };
  };
}

type Runner = (record: SQSRecord, context: LambdaContext) => Promise<boolean>;

function createRunner<Tools>(
  name: StageName,
  connect: Connect<Tools>,
  ensure: Ensure<Tools>,
  environment: Environment,
): Runner {
  let connected: Promise<(invocation: Invocation) => Tools> | undefined;
  let sender: Sender | undefined;

  const attempt = async (envelope: Envelope, invocation: Invocation, queues: Sender): Promise<Ensured> => {
    connected ??= connect(environment);
    const open = await connected;
    const ensured = await ensure(envelope, { ...open(invocation), signal: invocation.signal });
    const learned = { ...envelope, ...ensured.learned };
    const next = nextStage(learned.route, name);
    if (next) await queues.sendEnvelope(next, learned, invocation.signal);
    return ensured;
  };

  return async (record, context) => {
    sender ??= createSender(environment);
    const startedAt = Date.now();
    const invocation: Invocation = { signal: deadlineOf(context), requests: { total: 0, writes: 0 } };
    const parsed = parseEnvelope(record.body);
    if (!parsed.envelope) return await writeLetter(sender, invalidFailureOf(name, record, parsed.problem), record);
    const { envelope } = parsed;
    try {
      const ensured = await beforeDeadline(attempt(envelope, invocation, sender), invocation.signal);
      logOutcome({ name, envelope, record, ensured, invocation, startedAt });
      return true;
    } catch (thrown) {
      const error = asStageError(thrown);
      // A rotated secret is read again at the next try, and so is what could not be read or parsed.
      if (error instanceof Unauthorized || error.code.startsWith("settings.")) connected = undefined;
      return await settle({ name, sender, envelope, record, error, environment });
    }
  };
}

/** The stage ends by itself before Lambda ends it: 8 of 10 s, or the same share of what a test allows. */
function deadlineOf(context: LambdaContext): AbortSignal {
  return AbortSignal.timeout(Math.min(8000, Math.floor(context.getRemainingTimeInMillis() * 0.8)));
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
async function settle(trouble: Trouble): Promise<boolean> {
  const { name, sender, record, error, environment } = trouble;
  if (error instanceof Permanent) return await writeLetter(sender, failureOf(name, "permanent", trouble), record);
  if (await isExhausted(record, environment)) {
    return await writeLetter(sender, failureOf(name, "exhausted", trouble), record);
  }
  await giveBack(trouble, waitSeconds(receiveCount(record), error.retryAfterSeconds));
  return false;
}

async function giveBack({ name, sender, envelope, record, error }: Trouble, retryInSeconds: number): Promise<void> {
  const cause = error.code === "stage.unexpected" ? error.cause : undefined;
  const fields = { ...subjectOf(envelope), stage: name, attempt: receiveCount(record), code: error.code };
  const stack = cause instanceof Error ? { stack: cause.stack } : {};
  try {
    await sender.giveBack(name, record.receiptHandle, retryInSeconds);
    log("stage.retried", { ...fields, reason: error.message, retryInSeconds, ...stack });
  } catch (queueError) {
    // The queue's own visibility time-out brings the message back, only later.
    const why = queueError instanceof Error ? queueError.message : String(queueError);
    log("stage.retried", { ...fields, reason: `${error.message} (and it could not be given back: ${why})`, ...stack });
  }
}

type Done = {
  name: StageName;
  envelope: Envelope;
  record: SQSRecord;
  ensured: Ensured;
  invocation: Invocation;
  startedAt: number;
};

function logOutcome({ name, envelope, record, ensured, invocation, startedAt }: Done): void {
  log(`${name}.${ensured.outcome}`, {
    ...subjectOf(envelope),
    stage: name,
    outcome: ensured.outcome,
    attempt: receiveCount(record),
    milliseconds: Date.now() - startedAt,
    giteaRequests: invocation.requests.total,
    giteaWrites: invocation.requests.writes,
    ...ensured.details,
  });
}
