import { setTimeout as wait } from "node:timers/promises";
import { Retryable } from "#shared/errors.ts";
import type { CommitAnswer } from "#shared/gitea/commits.ts";
import { failing, type Gitea, refused } from "#shared/gitea.ts";
import type { Ensured } from "#shared/stage.ts";
import { findTheirs } from "./find-theirs.ts";
import { nameOf, TRAILER, type Work } from "./work.ts";

type Refused = Extract<CommitAnswer, { answer: unknown }>;
type Tools = { gitea: Gitea; signal: AbortSignal };

/**
 * What a refused first commit means is read off the repository (shared/gitea/README.md §4).
 * @returns undefined when content is there after all.
 * @throws Retryable when Gitea may take it later; Permanent `repository.broken`, `repository.unsettled`, `gitea.refused`
 */
export async function settleRefusal(
  work: Work,
  { state, answer }: Refused,
  tools: Tools,
): Promise<Ensured | undefined> {
  const { place, repository } = await findTheirs(work, tools);
  if (!repository.empty) return undefined;
  if (repository.archived) return { outcome: "unchanged", details: { notices: [`${nameOf({ place })} is archived`] } };
  if (state === "missing") {
    const what = `the files of ${nameOf({ place })} are missing on Gitea's disk`;
    throw refused("repository.broken", answer, `${what}: a Gitea admin deletes the repository, then replay`);
  }
  if (state !== "refused") throw failing(answer, `${nameOf({ place })} was not filled`);
  return await heal({ ...work, place }, answer, tools);
}

/** After a push or a lost race "empty" is late by 0.3 s, once 1.0 s (shared/gitea/README.md §4): seen twice it is a fault. */
const SETTLING_MILLISECONDS = 2000;

/**
 * A killed Gitea leaves repositories whose commit is on disk while it says `empty`, for ever (state C there). If the
 * head is ours, one more commit of a file as it is there makes Gitea look again; if not, it is somebody's work.
 */
async function heal(work: Work, answer: Refused["answer"], tools: Tools): Promise<Ensured | undefined> {
  const first = await headOf(work, tools);
  if (!first.head) throw refused("gitea.refused", answer, `Gitea refuses the starter files of ${nameOf(work)}`);
  await wait(SETTLING_MILLISECONDS, undefined, { signal: tools.signal }).catch((cause: unknown) => {
    throw new Retryable("stage.deadline", `no time left to see whether ${nameOf(work)} settles`, { cause });
  });
  const { isEmpty, head } = await headOf(work, tools);
  if (!isEmpty) return undefined;
  const file =
    head && isOurs(head.message) && head.sha === first.head.sha
      ? await tools.gitea.files.one(work.place, head.sha)
      : undefined;
  if (!file) {
    const what = `Gitea says ${nameOf(work)} is empty, but commit ${head?.sha} is on its disk and is not hubforge's, or cannot be read`;
    const advice = "open its page once while signed in, or commit any file through the web page, then replay";
    throw refused("repository.unsettled", answer, `${what}: ${advice}`);
  }
  // Read from the head and never from our templates: a commit by hand may bear our trailer, and a name may have changed.
  const again = { ...work.commit, files: [{ path: file.path, content: file.content, replaces: file.sha }] };
  const healed = await tools.gitea.commits.create(work.place, again, "upload");
  if (healed.state !== "committed") throw new Retryable("gitea.failing", `${nameOf(work)} could not be healed yet`);
  return { outcome: "updated", details: { repository: nameOf(work), commit: healed.sha } };
}

async function headOf(work: Work, tools: Tools) {
  const { place, repository } = await findTheirs(work, tools);
  return { isEmpty: repository.empty, head: await tools.gitea.commits.find(place, repository.default_branch) };
}

function isOurs(message: string): boolean {
  return message.trimEnd().split("\n").at(-1)?.startsWith(TRAILER) ?? false;
}
