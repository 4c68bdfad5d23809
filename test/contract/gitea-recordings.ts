import { readFileSync } from "node:fs";
import { expect, inject } from "vitest";
import * as z from "zod";
import type { Answer, GiteaUnderTest } from "../support/gitea.ts";
import { basic } from "../support/gitea-builders.ts";
import { noteFile, noteReplay } from "./gitea-replayed.ts";
import { changedSince, isNewerThan125 } from "./gitea-versions.ts";

const recordingSchema = z.object({
  name: z.string(),
  request: z.object({
    method: z.string(),
    path: z.string(),
    headers: z.record(z.string(), z.string()),
    body: z.unknown(),
  }),
  response: z.object({
    status: z.number(),
    headers: z.record(z.string(), z.string()),
    body: z.unknown(),
    trimmed: z.boolean().optional(),
    items: z.number().optional(),
  }),
});
type Recording = z.infer<typeof recordingSchema>;

/** Request and answer pairs of a real Gitea 1.25.5, by name. */
const recordings = new Map<string, Recording>(
  readFileSync(new URL("gitea-transcripts.jsonl", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => recordingSchema.parse(JSON.parse(line)))
    .map((recording) => [recording.name, recording]),
);

noteFile(inject("replayed"), expect.getState().testPath ?? "");

export function recordingsNamed(prefix: string): string[] {
  return [...recordings.keys()].filter((name) => name.startsWith(prefix));
}

export interface Replay {
  /** What stands in the recording → what it is called here; in path, Sudo, body and answer. */
  words?: Record<string, string>;
  /** Authorization, where it is not the service's. */
  as?: string | null;
  path?: string;
  body?: unknown;
  /** Fields of the answer that legitimately differ here, beside the volatile ones. */
  except?: readonly string[];
}

/** Ids, times and whatever else no two instances share: that they are there is compared, and not what they say. */
const volatile = new Set([
  ...["id", "user_id", "repo_id", "act_user_id", "created", "created_at", "updated_at", "last_login", "last_used_at"],
  ...["avatar_url", "size", "token_last_eight", "sha1", "next", "prev", "exec_times", "time", "ssh_url", "timestamp"],
]);

/** Sends a recorded request under our names and expects the recorded answer under our names. */
export async function replay(gitea: GiteaUnderTest, name: string, how: Replay = {}): Promise<Answer> {
  const recording = recordings.get(name);
  if (recording === undefined) throw new Error(`no recording is called «${name}»`);
  noteReplay(inject("replayed"), name);
  const { request, response } = recording;
  const ours = translator(gitea, how.words ?? {});
  const body = how.body ?? (request.body === null ? undefined : ours(request.body));
  const sudo = request.headers["Sudo"];
  const answer = await gitea.send(request.method, how.path ?? ours(request.path), {
    as: how.as === undefined ? authorization(gitea, request.headers["Authorization"]) : how.as,
    ...(sudo === undefined ? {} : { sudo: ours(sudo) }),
    ...(body === undefined ? {} : { body }),
    ...(name === "content-type text/plain" ? { headers: { "content-type": "text/plain" } } : {}),
    ...(name === "no content-type" ? { headers: { "content-type": "" } } : {}),
  });
  const change = changedSince(gitea.version, name);
  const recorded = { status: response.status, body: response.body, ...change };
  const skipped = new Set(how.except);
  const expected = normalised(ours(recorded.body), skipped);
  // What was recorded as a page need not be the same page, nor a whole one.
  if (expected === "<html page>" && answer.headers.get("content-type")?.includes("html")) answer.body = expected;
  // A whole recording tells every field that this version has: an answer must not say more.
  const isWhole = response.trimmed !== true && !isNewerThan125(gitea.version);
  const actual = normalised(answer.body, skipped);
  expect(
    { status: answer.status, body: isWhole ? actual : likeness(expected, actual, response.trimmed ?? false) },
    `«${name}» ${request.method} ${request.path}`,
  ).toEqual({ status: recorded.status, body: expected });
  compareHeaders(name, answer, recording, ours, change !== undefined);
  return answer;
}

function compareHeaders(
  name: string,
  answer: Answer,
  { response }: Recording,
  ours: (value: string) => string,
  hasChanged: boolean,
): void {
  const location = response.headers["location"];
  if (location !== undefined) expect(answer.headers.get("location"), `«${name}» location`).toBe(ours(location));
  const kind = (type: string | null | undefined) => type?.replace(/; ?charset=.*/i, "") ?? null;
  if (hasChanged || response.body === null) return;
  expect(kind(answer.headers.get("content-type")), `«${name}» content type`).toBe(
    kind(response.headers["content-type"]),
  );
}

function authorization(gitea: GiteaUnderTest, recorded: string | undefined): string | null {
  if (recorded === undefined) return null;
  if (recorded === "token <token>") return `token ${gitea.token}`;
  if (recorded === "Basic <svc:<token>>") return basic(gitea.service, gitea.token);
  if (recorded.includes("<bad token>")) return `token ${"0".repeat(40)}`;
  throw new Error(`say who "${recorded}" is`);
}

/** Replaces whole words in every string, and the recorded host and auth source by ours. */
function translator(gitea: GiteaUnderTest, words: Record<string, string>) {
  const all: Record<string, string> = { "http://gitea.test": gitea.url, "gitea.test": new URL(gitea.url).hostname };
  if (gitea.service !== "svc") all["svc"] = gitea.service;
  for (const [from, to] of Object.entries(words)) {
    all[from] = to;
    if (from.toUpperCase() !== from) all[from.toUpperCase()] = to.toUpperCase();
  }
  const escaped = (word: string) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const longestFirst = Object.keys(all).sort((one, other) => other.length - one.length);
  const pattern = new RegExp(`(?<![A-Za-z0-9_])(?:${longestFirst.map(escaped).join("|")})(?![A-Za-z0-9_])`, "g");
  function ours<T>(value: T): T;
  function ours(value: unknown): unknown {
    if (typeof value === "string") return value.replace(pattern, (word) => all[word] ?? word);
    if (Array.isArray(value)) return value.map((inner) => ours(inner));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).map(([key, inner]) => [
      key,
      key === "source_id" && inner === 1 ? gitea.sourceId : ours(inner),
    ]);
    return Object.fromEntries(entries);
  }
  return ours;
}

/** Without what differs by nature: volatile values, ids and secrets within texts, the order of units, HTML. */
function normalised(value: unknown, skipped: ReadonlySet<string>): unknown {
  if (typeof value === "string") {
    if (/^\s*<!doctype html|^<html page>$/i.test(value)) return "<html page>";
    return value
      .replace(/\b(id|uid|org_id|repo_id): \d+/g, "$1: …")
      .replace(/'\/[^']*'|<temporary repository>|'<temporary repository>'/g, "<place>");
  }
  if (Array.isArray(value)) {
    const inner = value.map((item) => normalised(item, skipped));
    return inner.every((item) => typeof item === "string") ? inner.sort() : inner;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !skipped.has(key))
      .map(([key, inner]) => [key, volatile.has(key) ? "…" : normalised(inner, skipped)]),
  );
}

/** The part of `actual` that `expected` speaks of: its fields, and of a trimmed list as many items as it has. */
function likeness(expected: unknown, actual: unknown, isTrimmed: boolean): unknown {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    const length = isTrimmed ? expected.length : actual.length;
    return actual.slice(0, length).map((item, at) => likeness(expected[at], item, isTrimmed));
  }
  if (typeof expected !== "object" || typeof actual !== "object" || expected === null || actual === null) return actual;
  const shown = Object.entries(actual).filter(([key]) => key in expected);
  const fields = new Map(Object.entries(expected));
  return Object.fromEntries(shown.map(([key, inner]) => [key, likeness(fields.get(key), inner, isTrimmed)]));
}
