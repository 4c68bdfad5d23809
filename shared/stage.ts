import { type BatchHandler, batchHandler, type Received } from "./batch.ts";
import { type Environment, loadSettings, SettingsError } from "./config.ts";
import { connectOnce } from "./connect-once.ts";
import { LAST_WORDS_SHARE, within } from "./deadline.ts";
import type { Envelope, Learned } from "./envelope.ts";
import { Retryable } from "./errors.ts";
import { invalidFailureOf, writeLetter } from "./letters.ts";
import { type LogFields, log, type Outcome, subjectOf } from "./log.ts";
import { parseEnvelope } from "./parse-envelope.ts";
import { nextStage, type StageName } from "./pipeline.ts";
import { createSender } from "./queue.ts";
import { maxReceiveCount, RETRY_FOR_MINUTES_MAXIMUM } from "./retries.ts";
import { asStageError, settle } from "./settle.ts";

/** What an invocation gives to the outside it opens: its deadline, and a place where requests are counted. */
export type Invocation = { signal: AbortSignal; requests: { total: number; writes: number } };

/** Connects an environment's settings to the outside once (a cold start); the result opens it for each invocation. */
export type Connect<Tools> = (environment: Environment) => Promise<(invocation: Invocation) => Tools>;

/** What a stage has made true, and what it learned for the stages after it. */
export type Ensured = {
  outcome: Outcome;
  learned?: Learned & Partial<Pick<Envelope, "route" | "directoryId">>;
  /** For the log line: what an on-call person would want to see. */
  details?: Pick<LogFields, "account" | "repository" | "commit" | "mailConflict" | "notices">;
};

/** Makes one thing true; safe to repeat. Throws Permanent or Retryable when it cannot. */
export type Ensure<Tools> = (envelope: Envelope, tools: Tools & { signal: AbortSignal }) => Promise<Ensured>;

/** Of the 10 s that Lambda gives, the work may take 8 (README.md §4); what is left is for a letter or a give-back. */
const WORK_MILLISECONDS = 8000;
const WORK_SHARE = 0.8;

/**
 * The SQS handler around an ensure function (README.md §4): parses the envelope, keeps the deadline, forwards, and turns
 * failures into dead letters or a later visibility. It returns and never throws: a thrown error would slow everybody.
 */
export function stage<Tools>(
  name: StageName,
  connect: Connect<Tools>,
  ensure: Ensure<Tools>,
  environment: Environment = process.env,
): BatchHandler {
  const sender = createSender(environment);
  const limits = { minutes: RETRY_FOR_MINUTES_MAXIMUM, receives: maxReceiveCount(environment) };
  const coldStart = connectOnce(() => start(connect, environment));

  const attempt = async (envelope: Envelope, invocation: Invocation): Promise<Ensured> => {
    const { open, minutes } = await coldStart.open();
    limits.minutes = minutes;
    const ensured = await ensure(envelope, { ...open(invocation), signal: invocation.signal });
    const learned = { ...envelope, ...ensured.learned };
    const next = nextStage(learned.route, name);
    if (next) await sender.sendEnvelope(next, learned, invocation.signal);
    return ensured;
  };

  return batchHandler(async (message, context) => {
    const startedAt = Date.now();
    const signal = within(context, WORK_SHARE, WORK_MILLISECONDS);
    const settling = { stage: name, message, sender, signal: within(context, LAST_WORDS_SHARE) };
    const { envelope, problem } = parseEnvelope(message.body, name);
    if (!envelope) return await writeLetter(invalidFailureOf(problem, settling), settling);
    const invocation = { signal, requests: { total: 0, writes: 0 } };
    try {
      const ensured = await beforeDeadline(attempt(envelope, invocation), signal);
      logOutcome({ name, envelope, message, ensured, invocation, startedAt });
      return true;
    } catch (thrown) {
      const error = asStageError(thrown);
      coldStart.forgetIfRefused(error);
      return await settle(error, { ...settling, envelope, limits });
    }
  });
}

type Started<Tools> = { open: (invocation: Invocation) => Tools; minutes: number };

/** Everything that is wrong with the settings is said at once, whoever reads them. */
async function start<Tools>(connect: Connect<Tools>, environment: Environment): Promise<Started<Tools>> {
  const [connected, retries] = await Promise.allSettled([connect(environment), loadSettings(["retries"], environment)]);
  if (connected.status === "fulfilled" && retries.status === "fulfilled") {
    return { open: connected.value, minutes: retries.value.RETRY_FOR_MINUTES };
  }
  const reasons = [connected, retries].flatMap((part) => (part.status === "rejected" ? [part.reason] : []));
  if (!reasons.every((reason) => reason instanceof SettingsError)) throw reasons[0];
  throw new SettingsError(reasons.map(({ message }) => message).join("\n"));
}

/** The stage ends by itself before Lambda ends it, also where something below does not heed the signal. */
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

type Done = {
  name: StageName;
  envelope: Envelope;
  message: Received;
  ensured: Ensured;
  invocation: Invocation;
  startedAt: number;
};

function logOutcome({ name, envelope, message, ensured, invocation, startedAt }: Done): void {
  const isLast = nextStage(ensured.learned?.route ?? envelope.route, name) === undefined;
  log(`${name}.${ensured.outcome}`, {
    ...subjectOf(envelope),
    stage: name,
    outcome: ensured.outcome,
    attempt: message.receiveCount,
    milliseconds: Date.now() - startedAt,
    giteaRequests: invocation.requests.total,
    giteaWrites: invocation.requests.writes,
    // A replay's age counts the days for which nobody mended the cause.
    ...(isLast &&
      envelope.replay.number === 0 && { ageSeconds: (Date.now() - Date.parse(envelope.delivery.receivedAt)) / 1000 }),
    ...ensured.details,
  });
}
