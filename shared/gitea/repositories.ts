import type { ChangeFilesOptions, CreateRepoOption } from "gitea-js";
import * as z from "zod";
import { Permanent } from "../errors.ts";
import { type Answer, read, type Send, segment } from "./request.ts";

const Repository = z.object({
  id: z.int(),
  name: z.string(),
  full_name: z.string(),
  empty: z.boolean(),
  default_branch: z.string(),
  archived: z.boolean(),
  private: z.boolean(),
  html_url: z.string(),
  clone_url: z.string(),
  permissions: z.object({ admin: z.boolean(), push: z.boolean(), pull: z.boolean() }),
});
export type Repository = z.infer<typeof Repository>;

export type Place = { owner: string; name: string };

/** `moved`: renamed or transferred; Gitea's clients would turn a POST into a GET here (reference rule 1). */
type Found = { state: "found"; repository: Repository } | { state: "absent" } | { state: "moved"; to: Place };

const Commit = z.object({
  sha: z.string(),
  parents: z.array(z.object({ sha: z.string() })).nullable(),
  commit: z.object({ message: z.string() }),
});
const ChangedFiles = z.object({
  commit: z.object({ sha: z.string(), parents: z.array(z.object({ sha: z.string() })).nullable() }),
});

type Person = { name: string; email: string };
export type FirstCommit = {
  message: string;
  files: { path: string; content: Uint8Array }[];
  author: Person;
  committer: Person;
  date: Date;
};

// A commit starts three hooks: 0.3 – 0.9 s measured, 2.5 s with 20 MB (reference §8); the stage ends at 8 s.
const CONTENTS_TIMEOUT_MILLISECONDS = 6000;

export function repositories(send: Send) {
  const pathOf = ({ owner, name }: Place) => `/repos/${owner}/${name}`;
  const askTeam = async (teamId: number, { owner, name }: Place): Promise<Answer> =>
    await send(
      { method: "GET", path: `/teams/${teamId}/repos/${owner}/${name}` },
      (api, params) => api.teams.orgListTeamRepo(teamId, segment(owner), segment(name), params),
      { expect: [404] },
    );

  return {
    /** With `asPerson` the answer shows that person's rights, and hides what they may not see. */
    find: async (place: Place, asPerson?: string): Promise<Found> => {
      const answer = await send(
        { method: "GET", path: pathOf(place) },
        (api, params) => api.repos.repoGet(segment(place.owner), segment(place.name), params),
        { expect: [404, 301], ...(asPerson ? { sudo: asPerson } : {}) },
      );
      if (answer.status === 404) return { state: "absent" };
      if (answer.status === 301) return { state: "moved", to: placeIn(answer) };
      return { state: "found", repository: read(Repository, answer) };
    },

    /** The proof of ownership: does this team have it? A renamed repository is 404 by its old name here. */
    isTeams: async (teamId: number, place: Place): Promise<boolean> => (await askTeam(teamId, place)).status !== 404,

    /** The same with the repository in one answer; undefined unless that team has it. */
    ofTeam: async (teamId: number, place: Place): Promise<Repository | undefined> => {
      const answer = await askTeam(teamId, place);
      return answer.status === 404 ? undefined : read(Repository, answer);
    },

    /** Undefined when a repository of that name is there already (409). */
    create: async (place: Place, description: string): Promise<Repository | undefined> => {
      const body: CreateRepoOption = {
        name: place.name,
        description,
        private: true,
        auto_init: false,
        default_branch: "main",
      };
      const path = `/orgs/${place.owner}/repos`;
      const answer = await send(
        { method: "POST", path },
        (api, params) => api.orgs.createOrgRepo(segment(place.owner), body, params),
        { expect: [409] },
      );
      return answer.status === 409 ? undefined : read(Repository, answer);
    },

    /** Names of the teams that have it, Owners and teams with all repositories included. */
    teamNames: async (place: Place): Promise<string[]> => {
      const path = `${pathOf(place)}/teams`;
      const answer = await send({ method: "GET", path }, (api, params) =>
        api.repos.repoListTeams(segment(place.owner), segment(place.name), params),
      );
      return read(z.array(z.object({ name: z.string() })), answer).map((team) => team.name);
    },

    /** The first 50 are enough: the only question is whether there is anybody besides one person. */
    collaborators: async (place: Place): Promise<string[]> => {
      const path = `${pathOf(place)}/collaborators`;
      const answer = await send({ method: "GET", path }, (api, params) =>
        api.repos.repoListCollaborators(segment(place.owner), segment(place.name), { page: 1, limit: 50 }, params),
      );
      return read(z.array(z.object({ login: z.string() })), answer).map((person) => person.login);
    },

    giveToTeam: async (teamId: number, { owner, name }: Place): Promise<void> => {
      const path = `/teams/${teamId}/repos/${owner}/${name}`;
      await send({ method: "PUT", path }, (api, params) =>
        api.teams.orgAddTeamRepository(teamId, segment(owner), segment(name), params),
      );
    },

    /** An admin collaborator may share, rename and describe, but neither delete nor transfer (DESIGN §4). */
    addAdminCollaborator: async (place: Place, username: string): Promise<void> => {
      const path = `${pathOf(place)}/collaborators/${username}`;
      await send({ method: "PUT", path }, (api, params) =>
        api.repos.repoAddCollaborator(
          segment(place.owner),
          segment(place.name),
          segment(username),
          { permission: "admin" },
          params,
        ),
      );
    },

    /** The head commit on disk, also when Gitea says `empty`; undefined when there is none or the disk cannot be read. */
    headCommit: async (place: Place, branch: string): Promise<{ sha: string; message: string } | undefined> => {
      const path = `${pathOf(place)}/git/commits/${branch}`;
      const answer = await send(
        { method: "GET", path },
        (api, params) =>
          api.repos.repoGetSingleCommit(segment(place.owner), segment(place.name), segment(branch), {}, params),
        {
          expect: [404, 409, 500],
        },
      );
      if (answer.status >= 400) return undefined;
      const { sha, commit } = read(Commit, answer);
      return { sha, message: commit.message };
    },

    /**
     * Commits `files` in one go. `create` refuses what exists; `upload` overwrites, and with equal content only makes
     * Gitea look at the disk again. The answer is a value for every refusal that must be read back (reference §4.5).
     */
    commit: async (place: Place, commit: FirstCommit, operation: "create" | "upload"): Promise<CommitAnswer> => {
      const dates = { author: commit.date.toISOString(), committer: commit.date.toISOString() };
      const body = {
        message: commit.message,
        files: commit.files.map(({ path, content }) => ({
          operation,
          path,
          content: Buffer.from(content).toString("base64"),
        })),
        author: commit.author,
        committer: commit.committer,
        dates,
      };
      const answer = await send(
        { method: "POST", path: `${pathOf(place)}/contents` },
        // gitea-js does not know `upload`, which Gitea has since 1.20.
        (api, params) =>
          api.repos.repoChangeFiles(segment(place.owner), segment(place.name), body as ChangeFilesOptions, params),
        { expect: [301, 404, 422, 423, 500], timeoutMilliseconds: CONTENTS_TIMEOUT_MILLISECONDS },
      );
      if (answer.status < 300) {
        const { sha, parents } = read(ChangedFiles, answer).commit;
        return { state: "committed", sha, isFirst: (parents ?? []).length === 0 };
      }
      if (answer.status === 301) return { state: "moved", to: placeIn(answer) };
      const states = { 404: "missing", 423: "archived", 500: "failed" } as const;
      const state =
        answer.status === 404 || answer.status === 423 || answer.status === 500 ? states[answer.status] : "refused";
      return { state, answer };
    },

    /** Every file of a commit, branch or tag, for a template that lives in Gitea. */
    files: async (place: Place, ref: string): Promise<{ path: string; size: number }[] | undefined> => {
      const path = `${pathOf(place)}/git/trees/${ref}`;
      const answer = await send(
        { method: "GET", path },
        (api, params) =>
          api.repos.getTree(
            segment(place.owner),
            segment(place.name),
            segment(ref),
            { recursive: true, page: 1, per_page: 1000 },
            params,
          ),
        { expect: [400, 404, 409] },
      );
      if (answer.status >= 400) return undefined;
      const tree = z.object({
        truncated: z.boolean(),
        tree: z.array(z.object({ path: z.string(), type: z.string(), size: z.int().optional() })),
      });
      const { truncated, tree: entries } = read(tree, answer);
      if (truncated)
        throw new Permanent("template.too-large", `${path}: more files than one answer holds`, {
          request: answer.request,
        });
      return entries
        .filter((entry) => entry.type === "blob")
        .map(({ path: file, size }) => ({ path: file, size: size ?? 0 }));
    },

    fileContent: async (place: Place, file: string, ref: string): Promise<Uint8Array> => {
      const path = `${pathOf(place)}/contents/${file}`;
      const inPath = file.split("/").map(segment).join("/");
      const answer = await send({ method: "GET", path }, (api, params) =>
        api.repos.repoGetContents(segment(place.owner), segment(place.name), inPath, { ref }, params),
      );
      const { content } = read(z.object({ content: z.base64() }), answer);
      return Buffer.from(content, "base64");
    },
  };
}

export type CommitAnswer =
  | { state: "committed"; sha: string; isFirst: boolean }
  | { state: "moved"; to: Place }
  | { state: "refused" | "missing" | "archived" | "failed"; answer: Answer };

/** `/api/v1/repos/{owner}/{name}…`, relative or absolute. */
function placeIn(answer: Answer): Place {
  const [, owner, name] = /\/repos\/([^/]+)\/([^/?]+)/.exec(answer.location ?? "") ?? [];
  if (!owner || !name) {
    throw new Permanent(
      "gitea.moved",
      `${answer.request.method} ${answer.request.path} moved to ${answer.location}, which is no repository`,
      {
        request: answer.request,
      },
    );
  }
  return { owner: decodeURIComponent(owner), name: decodeURIComponent(name) };
}
