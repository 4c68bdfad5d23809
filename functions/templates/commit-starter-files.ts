import type { Envelope } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import { cleanGitName, firstCommit } from "#shared/git-objects.ts";
import type { Ensured } from "#shared/stage.ts";
import { findTheirs } from "./find-theirs.ts";
import { settleRefusal } from "./settle-refusal.ts";
import type { TemplateTools } from "./template-source.ts";
import { nameOf, TRAILER, type Work } from "./work.ts";

type Tools = TemplateTools & { signal: AbortSignal };

/** A journey takes a second. A message that was tried before has waited longer (shared/README.md §4: 2 s at least). */
const FRESH_MILLISECONDS = 2000;

/**
 * If, and only if, the repository is empty: one commit with all starter files, by the person, committed by hubforge. Dates
 * and message come from the delivery, so that a repeat makes the same commit, whose SHA is known beforehand.
 */
export async function commitStarterFiles(envelope: Envelope, tools: Tools): Promise<Ensured> {
  const { repository, delivery } = envelope;
  if (!repository) throw new Permanent("envelope.invalid", "the templates stage needs a repository");
  if (!repository.isEmpty) return { outcome: "unchanged" };
  const work = await workOf(envelope, tools);
  const ageMilliseconds = tools.now().getTime() - Date.parse(delivery.receivedAt);
  // Still possible in these two seconds: two people rename their empty repositories so that one gets the other's name and
  // first commit. What comes from the future tells no age: a clock that runs ahead would be fresh for ever.
  if (ageMilliseconds >= 0 && ageMilliseconds < FRESH_MILLISECONDS) return await fill(work, tools);
  // The person may have pushed meanwhile, and ours would be laid on top of theirs (rule 24 of shared/gitea/README.md).
  return await fillIfEmpty(work, tools);
}

async function workOf(envelope: Envelope, { filesFor, settings }: Tools): Promise<Work> {
  const { account, identity, team, repository, delivery } = envelope;
  if (!account || !identity || !team || !repository) {
    throw new Permanent("envelope.invalid", "the templates stage needs account, identity, team and repository");
  }
  const { username } = account;
  const { owner, name } = repository;
  const commit = {
    message: `Add starter notebooks\n\n${TRAILER} ${delivery.id}`,
    files: await filesFor({ username, fullName: identity.fullName, repository: name }),
    author: { name: cleanGitName(identity.fullName) || username, email: identity.email },
    committer: { name: settings.COMMIT_NAME, email: settings.COMMIT_EMAIL },
    date: new Date(delivery.occurredAt),
  };
  return { place: { owner, name }, teamId: team.id, commit, sha: firstCommit(commit).sha };
}

async function fillIfEmpty(work: Work, tools: Tools): Promise<Ensured> {
  const { place, repository } = await findTheirs(work, tools);
  if (!repository.empty) return await alreadyFilled({ ...work, place }, tools);
  return await fill({ ...work, place }, tools);
}

async function fill(work: Work, tools: Tools): Promise<Ensured> {
  const answer = await tools.gitea.commits.create(work.place, work.commit, "create");
  if (answer.state === "committed") return committed(work, answer);
  // Renamed since the repository stage looked. At the old name nothing was written.
  if (answer.state === "moved") return await fillIfEmpty(work, tools);
  return (await settleRefusal(work, answer, tools)) ?? (await alreadyFilled(work, tools));
}

function committed(work: Work, { sha, isFirst }: { sha: string; isFirst: boolean }): Ensured {
  const oddity = isFirst
    ? `Gitea made ${sha} where ${work.sha} was computed: does it sign commits? (SIGNING_KEY = none)`
    : "somebody pushed first; the starter files were laid on top";
  const notices = sha === work.sha ? {} : { notices: [oddity] };
  return { outcome: "created", details: { repository: nameOf(work), commit: sha, ...notices } };
}

/** By an earlier try whose answer was lost, or by the person: content is never touched again. */
async function alreadyFilled(work: Work, { gitea }: Tools): Promise<Ensured> {
  const ours = await gitea.commits.find(work.place, work.sha);
  return { outcome: "unchanged", details: { repository: nameOf(work), commit: ours?.sha } };
}
