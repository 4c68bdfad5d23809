import * as z from "zod";
import { type Envelope, Failure, withoutLearned } from "#shared/envelope.ts";
import { foldName } from "#shared/names.ts";
import { shortHash } from "#shared/short-hash.ts";

/**
 * `ours` can be read whole; `other-version` is a letter of a hubforge older or newer than this one; `foreign` is anything
 * else that somebody put on the queue. None of them is ever dropped.
 */
type LetterKind = "ours" | "other-version" | "foreign";

/** What is kept in memory about a letter: enough to list, filter and replay it, never its whole body. */
export type Letter = {
  /**
   * The `failureId`; for what is not ours `m-` and a hash of its message id. Where letters of one reading are different
   * failures under one id, `failure` stands behind it.
   */
  id: string;
  /**
   * The same in all copies of one failure: an id alone may be a foreign writer's, or put back by hand into another letter.
   */
  failure: string;
  kind: LetterKind;
  /** The ids of the messages that say the same. */
  copies: string[];
  class: Failure["class"] | "unknown";
  stage: string;
  code: string;
  reason: string;
  attempts: number;
  firstFailedAt: string;
  failedAt: string;
  request?: Failure["request"];
  /** Every name by which a person may look for it: as typed at the hub, as the directory and as Gitea know them. */
  names: string[];
  /** What a replay sends; null where the message was not an envelope, or the letter is not ours. */
  envelope: Envelope | null;
  bodyBytes: number;
};

const REASON_KEPT = 4_000;
const WORD_KEPT = 200;

export type Arrival = { messageId: string; sentAt: Date };

/** Reads one message of the dead-letter queue. Never throws: what it cannot read is a letter as well. */
export function readLetter(body: string, { messageId, sentAt }: Arrival): Letter {
  const content = parseJson(body);
  const parsed = Failure.safeParse(content);
  const bodyBytes = Buffer.byteLength(body);
  if (!parsed.success) return strangeLetter(content, { messageId, sentAt, bodyBytes });
  const { failureId, firstFailedAt, failedAt, attempts, request, envelope, ...failure } = parsed.data;
  const id = kept(failureId, WORD_KEPT);
  const stage = kept(failure.stage, WORD_KEPT);
  return {
    id,
    failure: failureOf({ id, stage, envelope }),
    kind: "ours",
    copies: [messageId],
    class: failure.class,
    stage,
    code: kept(failure.code, WORD_KEPT),
    reason: kept(failure.reason, REASON_KEPT),
    attempts,
    firstFailedAt: keptTime(firstFailedAt),
    failedAt: keptTime(failedAt),
    ...(request ? { request: keptRequest(request) } : {}),
    names: envelope ? namesOf(envelope) : [],
    envelope: envelope ? asSent(envelope) : null,
    bodyBytes,
  };
}

type Dated = Pick<Letter, "failedAt" | "id">;

/** The order of every list. */
export function oldestFirst(one: Dated, other: Dated): number {
  return Date.parse(one.failedAt) - Date.parse(other.failedAt) || (one.id < other.id ? -1 : 1);
}

/** What a stranger's or another version's letter tells all the same. */
const Hints = z.object({
  failureId: z.string().optional().catch(undefined),
  version: z.union([z.number(), z.string()]).optional().catch(undefined),
  stage: z.string().default("?").catch("?"),
  code: z.string().default("letter.unreadable").catch("letter.unreadable"),
  reason: z.string().optional().catch(undefined),
  attempts: z.int().default(0).catch(0),
  failedAt: z.iso.datetime({ offset: true }).optional().catch(undefined),
  envelope: z
    .object({ delivery: z.object({ user: z.string() }) })
    .optional()
    .catch(undefined),
});

function strangeLetter(content: unknown, { messageId, sentAt, bodyBytes }: Arrival & { bodyBytes: number }): Letter {
  const hints = Hints.safeParse(content).data ?? Hints.parse({});
  const isLetter = hints.failureId !== undefined;
  const at = keptTime(hints.failedAt ?? sentAt.toISOString());
  const what = isLetter
    ? `a letter of another version of hubforge (version ${hints.version ?? "?"})`
    : "not a letter of hubforge's";
  const id = `m-${shortHash(messageId)}`;
  const stage = kept(hints.stage, WORD_KEPT);
  return {
    id,
    failure: failureOf({ id, stage, envelope: null }),
    kind: isLetter ? "other-version" : "foreign",
    copies: [messageId],
    class: "unknown",
    stage,
    code: kept(hints.code, WORD_KEPT),
    reason: kept(hints.reason ? `${what}: ${hints.reason}` : what, REASON_KEPT),
    attempts: hints.attempts,
    firstFailedAt: at,
    failedAt: at,
    names: hints.envelope ? [kept(hints.envelope.delivery.user, WORD_KEPT)] : [],
    envelope: null,
    bodyBytes,
  };
}

function failureOf({ id, stage, envelope }: Pick<Letter, "id" | "stage" | "envelope">): string {
  return shortHash(JSON.stringify([id, stage, envelope?.delivery.hub, envelope?.delivery.id, envelope?.replay.number]));
}

function namesOf({ delivery, identity, account }: Envelope): string[] {
  const names = [delivery.user, identity?.username, ...(identity?.logins ?? []), account?.username];
  const folded = new Map(names.flatMap((name) => (name ? [[foldName(name), kept(name, REASON_KEPT)]] : [])));
  return [...folded.values()];
}

/**
 * As it was sent, so that a replay reads directory and Gitea afresh. A spawn finds its person by the name typed (their id
 * was learned); the sync's envelopes mean one human by directory id.
 */
function asSent(envelope: Envelope): Envelope {
  const { directoryId, ...sent } = withoutLearned(envelope);
  return { ...sent, ...(directoryId && envelope.route !== "spawn" ? { directoryId } : {}) };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function keptRequest(request: NonNullable<Failure["request"]>): NonNullable<Failure["request"]> {
  const { method, path } = request;
  return { ...request, method: kept(method, WORD_KEPT), path: kept(path, REASON_KEPT) };
}

/** A second has as many decimals as a writer likes; cut, it would be no time any more. */
function keptTime(time: string): string {
  return time.length <= WORD_KEPT ? time : new Date(time.replace(/\.\d+/, "")).toISOString();
}

/** A cut text of its own: a slice would keep the whole body in memory behind it. */
function kept(text: string, maximum: number): string {
  return text.length <= maximum ? text : `${Buffer.from(text.slice(0, maximum)).toString()}…`;
}
