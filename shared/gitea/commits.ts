import type { ChangeFilesOptions } from "gitea-js";
import * as z from "zod";
import { type Answer, read } from "./answer.ts";
import { type Place, pathOf, placeIn } from "./repositories.ts";
import { type Send, segment } from "./request.ts";

const Commit = z.object({ sha: z.string(), commit: z.object({ message: z.string() }) });
const ChangedFiles = z.object({
  commit: z.object({ sha: z.string(), parents: z.array(z.object({ sha: z.string() })).nullable() }),
});

type Person = { name: string; email: string };
export type NewCommit = {
  message: string;
  /** `replaces`: the blob that must be there now, else nothing is written. */
  files: { path: string; content: Uint8Array; replaces?: string }[];
  author: Person;
  committer: Person;
  date: Date;
};

/** What came of a commit; each refusal must be read back before anybody knows what it means (README.md §4). */
export type CommitAnswer =
  | { state: "committed"; sha: string; isFirst: boolean }
  | { state: "moved"; to: Place }
  | { state: "refused" | "missing" | "locked" | "failed"; answer: Answer };

const REFUSALS: Record<number, "refused" | "missing" | "locked"> = { 404: "missing", 422: "refused", 423: "locked" };

// A commit starts three hooks: 0.3 – 0.9 s measured, 2.5 s with 20 MB (README.md §7); the stage ends at 8 s.
const CONTENTS_TIMEOUT_MILLISECONDS = 6000;

export function commits(send: Send) {
  const headers = { stat: false, verification: false, files: false };
  return {
    /**
     * All files in one commit, or nothing. `create` refuses what exists; `upload` overwrites, and with equal content makes
     * Gitea look at its disk again.
     */
    create: async (place: Place, commit: NewCommit, operation: "create" | "upload"): Promise<CommitAnswer> => {
      const { message, author, committer } = commit;
      const date = commit.date.toISOString();
      const files = commit.files.map(({ path, content, replaces: sha }) => ({
        ...{ operation, path, content: base64(content) },
        ...(sha ? { sha } : {}),
      }));
      const body = { message, author, committer, dates: { author: date, committer: date }, files };
      const answer = await send(
        { method: "POST", path: `${pathOf(place)}/contents` },
        (api, params) =>
          // gitea-js does not know the operation `upload`, which Gitea has since 1.20.
          api.repos.repoChangeFiles(segment(place.owner), segment(place.name), body as ChangeFilesOptions, params),
        { expect: [301, 404, 422, 423, 500], timeoutMilliseconds: CONTENTS_TIMEOUT_MILLISECONDS },
      );
      if (answer.status === 301) return { state: "moved", to: placeIn(answer) };
      if (answer.status >= 400) return { state: REFUSALS[answer.status] ?? "failed", answer };
      const { sha, parents } = read(ChangedFiles, answer).commit;
      return { state: "committed", sha, isFirst: (parents ?? []).length === 0 };
    },

    /** The commit of that id, or at the head of that branch, as it is on disk, also when Gitea says `empty`. */
    find: async (place: Place, ref: string): Promise<{ sha: string; message: string } | undefined> => {
      const answer = await send(
        { method: "GET", path: `${pathOf(place)}/git/commits/${ref}` },
        (api, params) =>
          api.repos.repoGetSingleCommit(segment(place.owner), segment(place.name), segment(ref), headers, params),
        { expect: [404, 409] },
      );
      if (answer.status >= 400) return undefined;
      const { sha, commit } = read(Commit, answer);
      return { sha, message: commit.message };
    },
  };
}

const base64 = (content: Uint8Array) => Buffer.from(content).toString("base64");
