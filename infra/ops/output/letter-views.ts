import type { Letter } from "../letters/letter.ts";
import type { Target } from "../target.ts";
import { hintOf } from "./hint.ts";
import { inert } from "./inert.ts";
import type { Column } from "./table.ts";
import { absolute, ago } from "./times.ts";

/** One object a line, for programs; the same in `list`, `export` and plans. */
export function letterRecord(letter: Letter) {
  const { envelope, copies, names, id, failure: _, ...rest } = letter;
  return {
    id,
    ...rest,
    person: personName(letter) ?? null,
    names,
    hub: envelope?.delivery.hub ?? null,
    delivery: envelope?.delivery.id ?? null,
    route: envelope?.route ?? null,
    replay: envelope?.replay.number ?? 0,
    copies: copies.length,
    isReplayable: envelope !== null,
  };
}

export function personName({ envelope, names }: Letter): string | undefined {
  return envelope?.delivery.user ?? names[0];
}

/** Oldest first, so that the newest stands right above the prompt. */
export function letterColumns(now: Date): Column<Letter>[] {
  return [
    { title: "ID", text: ({ id }) => id },
    { title: "PERSON", text: (letter) => personName(letter) ?? "?", isFlexible: true },
    { title: "STAGE", text: ({ stage }) => stage },
    { title: "CLASS", text: ({ class: kind }) => kind },
    { title: "CODE", text: ({ code }) => code },
    { title: "FAILED", text: ({ failedAt }) => ago(failedAt, now) },
    { title: "REPLAYS", text: ({ envelope }) => String(envelope?.replay.number || ""), isNumber: true },
    { title: "REASON", text: ({ reason }) => reason, isFlexible: true, isProse: true },
  ];
}

type Asked = Pick<Target, "asked">;

/** What an on-call person needs to know about one letter, as names and values; the values are not inert. */
export function letterFacts(letter: Letter, target: Asked): [string, string][] {
  const { envelope, request } = letter;
  const facts: [string, string | undefined][] = [
    ["letter", letter.id + (letter.copies.length > 1 ? ` (${letter.copies.length} copies)` : "")],
    ["kind", letter.kind === "ours" ? undefined : letter.kind],
    ["person", letter.names.join(", ") || undefined],
    ["stage", letter.stage],
    ["class", `${letter.class}${CLASS_MEANS[letter.class]}`],
    ["code", letter.code],
    ["reason", letter.reason],
    ["request", request && `${request.method} ${request.path} → ${request.status ?? "no answer"}`],
    ["attempts", String(letter.attempts)],
    ["first failed", absolute(letter.firstFailedAt)],
    ["failed", absolute(letter.failedAt)],
    ["delivery", envelope ? `${envelope.delivery.id} of hub ${envelope.delivery.hub}` : undefined],
    ["route", envelope?.route],
    ["server", envelope?.delivery.server || undefined],
    ["received", envelope ? absolute(envelope.delivery.receivedAt) : undefined],
    ["replays", replaysOf(letter)],
    ["look for", letter.class === "crash" ? logAdvice(letter, target) : undefined],
    ["next", nextStep(letter, target)],
  ];
  return facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
}

/** One letter in full: its facts, then what else there is. */
export function letterPage(letter: Letter, body: string | undefined, target: Asked): string[] {
  const lines = letterFacts(letter, target).map(([name, value]) => `${name.padEnd(13)}${inert(value)}`);
  return [...lines, "", ...(body === undefined ? ["  its message was not kept"] : rawLines(body))];
}

const CLASS_MEANS: Record<Letter["class"], string> = {
  permanent: " (trying again cannot help until the cause is mended)",
  exhausted: " (tried for as long as RETRY_FOR_MINUTES allows)",
  crash: " (the function crashed or ran out of time; SQS gave up)",
  unknown: "",
};

function replaysOf({ envelope }: Letter): string | undefined {
  if (!envelope || envelope.replay.number === 0) return undefined;
  const { number, reason, failedAt } = envelope.replay;
  const why = reason === undefined ? "" : `, last because "${reason}"`;
  return `${number}${why}; failed before at ${failedAt.map(absolute).join(", ")}`;
}

function logAdvice({ stage, envelope, names }: Letter, target: Asked): string {
  const whom = envelope
    ? hintOf(target, "trace", { words: [envelope.delivery.id] })
    : `the lines of ${names[0] ?? "that message"}`;
  return `${whom}, and the log of function ${stage} around that time (Task timed out, Runtime exited, out of memory)`;
}

function nextStep({ id, envelope, kind }: Letter, target: Asked): string {
  const hint = (verb: string) => hintOf(target, `dead-letters ${verb}`, { options: { id } });
  if (envelope) return `mend the cause, then: ${hint("replay")}`;
  const what = kind === "ours" ? "holds no envelope" : "is not a letter that this version can read";
  return `it ${what} and cannot be replayed; ${hint("export")} keeps it, ${hint("discard")} takes it away`;
}

export const RAW_SHOWN = 16_000;

function rawLines(body: string): string[] {
  const pretty = prettyJson(body);
  const shown = pretty
    .slice(0, RAW_SHOWN)
    .split("\n")
    .map((line) => `  ${inert(line)}`);
  const rest = pretty.length - RAW_SHOWN;
  return [...shown, ...(rest > 0 ? [`  … ${rest} more characters: --json shows all`] : [])];
}

/** Each level indents every line of it: a thousand of them make hundreds of megabytes of a small message. */
const DEEPEST = 16;

/** The message with line breaks and indentation, where that helps: never more than some tens of times as long. */
export function prettyJson(body: string): string {
  try {
    const content: unknown = JSON.parse(body);
    if (isDeeper(content, DEEPEST)) return `(as it was sent: it is nested more than ${DEEPEST} deep)\n${body}`;
    return JSON.stringify(content, undefined, 2);
  } catch {
    return body;
  }
}

function isDeeper(content: unknown, levels: number): boolean {
  if (typeof content !== "object" || content === null) return false;
  return levels === 0 || Object.values(content).some((inner) => isDeeper(inner, levels - 1));
}
