import { setTimeout as wait } from "node:timers/promises";
import type { Envelope } from "#shared/envelope.ts";
import { Permanent, Retryable } from "#shared/errors.ts";
import { cleanGitName, firstCommit } from "#shared/git-objects.ts";
import type { CommitAnswer, FirstCommit } from "#shared/gitea/repositories.ts";
import type { Place } from "#shared/gitea.ts";
import type { Ensured } from "#shared/stage.ts";
import type { TemplateTools } from "./template-source.ts";

/** Ends the message of every commit of ours: whose work a head is, is read off it. */
const TRAILER = "Hubforge-Delivery:";

type Work = { place: Place; branch: string; commit: FirstCommit; sha: string };
type Tools = TemplateTools & { signal: AbortSignal };

/**
 * If, and only if, the repository is empty: one commit with all starter files, by the person, committed by hubforge. Dates
 * and message come from the delivery, so that a repeat makes the same commit, whose SHA is known beforehand.
 */
export async function commitStarterFiles(envelope: Envelope, tools: Tools): Promise<Ensured> {
  const { account, identity, repository, delivery } = envelope;
  if (!account || !identity || !repository)
    throw new Permanent("envelope.invalid", "the templates stage needs an account and a repository");
  if (!repository.isEmpty) return { outcome: "unchanged" };
  const { settings } = tools;
  const { username } = account;
  const commit: FirstCommit = {
    message: `Add starter notebooks\n\n${TRAILER} ${delivery.id}`,
    files: await tools.filesFor({ username, fullName: identity.fullName, repository: repository.name }),
    author: { name: cleanGitName(identity.fullName) || username, email: identity.email },
    committer: { name: settings.COMMIT_NAME, email: settings.COMMIT_EMAIL },
    date: new Date(delivery.occurredAt),
  };
  const { owner, name, defaultBranch: branch } = repository;
  return await settle({ place: { owner, name }, branch, commit, sha: firstCommit(commit).sha }, tools);
}

async function settle(work: Work, tools: Tools): Promise<Ensured> {
  const answer = await tools.gitea.repositories.commit(work.place, work.commit, "create");
  if (answer.state === "committed") return committed(work, answer);
  if (answer.state === "archived")
    return { outcome: "unchanged", details: { notices: ["the repository is archived"] } };
  if (answer.state === "moved") return await settleElsewhere({ ...work, place: answer.to }, tools);

  const now = await tools.gitea.repositories.find(work.place);
  if (now.state === "moved") return await settleElsewhere({ ...work, place: now.to }, tools);
  if (now.state === "absent")
    throw refusal("repository.gone", answer.answer, `repository ${nameOf(work)} is gone: a replay makes it again`);
  if (!now.repository.empty) return { outcome: "unchanged" };
  if (answer.state === "failed") throw retry(answer.answer, "Gitea failed to commit");
  if (answer.state === "missing") {
    throw refusal(
      "repository.broken",
      answer.answer,
      `the files of ${nameOf(work)} are missing on Gitea's disk: a Gitea admin deletes the repository, then replay`,
    );
  }
  return await heal(work, answer.answer, tools);
}

/** Renamed since the repository stage looked: its new place counts, and nothing is done if it has content there. */
async function settleElsewhere(work: Work, tools: Tools): Promise<Ensured> {
  const now = await tools.gitea.repositories.find(work.place);
  if (now.state !== "found")
    throw new Permanent("gitea.moved", `repository ${nameOf(work)} moved while it was filled: replay`);
  if (!now.repository.empty) return { outcome: "unchanged" };
  const answer = await tools.gitea.repositories.commit(work.place, work.commit, "create");
  if (answer.state === "committed") return committed(work, answer);
  throw new Retryable("gitea.failing", `repository ${nameOf(work)} moved while it was filled`);
}

function committed(work: Work, answer: { sha: string; isFirst: boolean }): Ensured {
  const notices = [
    ...(answer.isFirst ? [] : ["somebody pushed first; the starter files were laid on top"]),
    ...(answer.sha === work.sha || !answer.isFirst
      ? []
      : [`Gitea made ${answer.sha} where ${work.sha} was computed: does it sign commits? (SIGNING_KEY = none)`]),
  ];
  return {
    outcome: "created",
    details: { repository: nameOf(work), commit: answer.sha, ...(notices.length > 0 ? { notices } : {}) },
  };
}

type Refused = Extract<CommitAnswer, { answer: unknown }>["answer"];

// After a push or a lost race "empty" is late by 0.3 s, once 1.0 s (reference §4.4): seen twice, 2 s apart, it is a fault.
const SETTLING_MILLISECONDS = 2000;

/**
 * A killed Gitea leaves repositories whose commit is on disk while it says `empty`, for ever (reference §4.4 C). If the
 * head is ours, one more commit of an equal file makes Gitea look again; if not, it is somebody's work.
 */
async function heal(work: Work, refused: Refused, tools: Tools): Promise<Ensured> {
  const { repositories } = tools.gitea;
  const first = await repositories.headCommit(work.place, work.branch);
  if (!first) throw refusal("gitea.refused", refused, `Gitea refuses the starter files of ${nameOf(work)}`);
  await wait(SETTLING_MILLISECONDS, undefined, { signal: tools.signal }).catch((cause: unknown) => {
    throw new Retryable("stage.deadline", `no time left to see whether ${nameOf(work)} settles`, { cause });
  });
  const now = await repositories.find(work.place);
  if (now.state === "found" && !now.repository.empty) return { outcome: "unchanged" };
  const head = await repositories.headCommit(work.place, work.branch);
  if (!isOurs(head?.message)) {
    throw refusal(
      "repository.unsettled",
      refused,
      `Gitea says ${nameOf(work)} is empty, but commit ${head?.sha} is on its disk and is not hubforge's: open its page once while signed in, or commit any file through the web page, then replay`,
    );
  }
  const healed = await repositories.commit(
    work.place,
    { ...work.commit, files: work.commit.files.slice(0, 1) },
    "upload",
  );
  if (healed.state === "committed")
    return { outcome: "updated", details: { repository: nameOf(work), commit: healed.sha } };
  throw new Retryable("gitea.failing", `repository ${nameOf(work)} could not be healed yet`);
}

function isOurs(message: string | undefined): boolean {
  return message?.trimEnd().split("\n").at(-1)?.startsWith(TRAILER) ?? false;
}

function nameOf({ place }: Work): string {
  return `${place.owner}/${place.name}`;
}

function refusal(code: string, { request, message }: Refused, what: string): Permanent {
  return new Permanent(code, `${what} (${request.method} ${request.path} answered ${request.status}: ${message})`, {
    request,
  });
}

function retry({ request, message }: Refused, what: string): Retryable {
  return new Retryable(
    "gitea.failing",
    `${what} (${request.method} ${request.path} answered ${request.status}: ${message})`,
    { request },
  );
}
