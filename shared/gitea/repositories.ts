import type { CreateRepoOption } from "gitea-js";
import * as z from "zod";
import type { Team } from "../envelope.ts";
import { Permanent } from "../errors.ts";
import { type Answer, read, readNamed } from "./answer.ts";
import { allPages, PAGE_SIZE } from "./pages.ts";
import { type Send, segment } from "./request.ts";

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

/** `moved`: renamed or transferred; Gitea's clients would turn a POST into a GET here (rule 1 of README.md). */
type Found = { state: "found"; repository: Repository } | { state: "absent" } | { state: "moved"; to: Place };

const Teams = z.array(z.object({ name: z.string(), description: z.string(), includes_all_repositories: z.boolean() }));
const People = z.array(z.object({ login: z.string() }));

export function repositories(send: Send) {
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
      return { state: "found", repository: readRepository(answer, place) };
    },

    /** The proof of ownership: undefined unless that team has it. A renamed one is not found by its old name here. */
    ofTeam: async (teamId: number, place: Place): Promise<Repository | undefined> => {
      const { owner, name } = place;
      const answer = await send(
        { method: "GET", path: `/teams/${teamId}/repos/${owner}/${name}` },
        (api, params) => api.teams.orgListTeamRepo(teamId, segment(owner), segment(name), params),
        { expect: [404] },
      );
      return answer.status === 404 ? undefined : readRepository(answer, place);
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
      const answer = await send(
        { method: "POST", path: `/orgs/${place.owner}/repos` },
        (api, params) => api.orgs.createOrgRepo(segment(place.owner), body, params),
        { expect: [409] },
      );
      return answer.status === 409 ? undefined : readRepository(answer, place);
    },

    /** The teams that were given it; a team with all repositories says nothing about this one. */
    teams: async (place: Place): Promise<Pick<Team, "name" | "description">[]> => {
      const answer = await send({ method: "GET", path: `${pathOf(place)}/teams` }, (api, params) =>
        api.repos.repoListTeams(segment(place.owner), segment(place.name), params),
      );
      return read(Teams, answer).filter((team) => !team.includes_all_repositories);
    },

    collaborators: async (place: Place): Promise<string[]> => {
      const people = await allPages(async (page) => {
        const query = { page, limit: PAGE_SIZE };
        const answer = await send({ method: "GET", path: `${pathOf(place)}/collaborators` }, (api, params) =>
          api.repos.repoListCollaborators(segment(place.owner), segment(place.name), query, params),
        );
        return { answer, items: read(People, answer) };
      });
      return people.map(({ login }) => login);
    },

    giveToTeam: async (teamId: number, { owner, name }: Place): Promise<void> => {
      await send({ method: "PUT", path: `/teams/${teamId}/repos/${owner}/${name}` }, (api, params) =>
        api.teams.orgAddTeamRepository(teamId, segment(owner), segment(name), params),
      );
    },

    /** An admin collaborator may share, rename and describe, but neither delete nor transfer (README.md §4). */
    addAdminCollaborator: async (place: Place, username: string): Promise<void> => {
      const rights = { permission: "admin" } as const;
      const [owner, name] = [segment(place.owner), segment(place.name)];
      await send({ method: "PUT", path: `${pathOf(place)}/collaborators/${username}` }, (api, params) =>
        api.repos.repoAddCollaborator(owner, name, segment(username), rights, params),
      );
    },
  };
}

const readRepository = (answer: Answer, { owner, name }: Place): Repository =>
  readNamed(Repository, answer, `${owner}/${name}`, ({ full_name }) => full_name);

export function pathOf({ owner, name }: Place): string {
  return `/repos/${owner}/${name}`;
}

/** Where a 301 leads: `/api/v1/repos/{owner}/{name}…`, relative or absolute. */
export function placeIn({ request, location }: Answer): Place {
  const [, owner, name] = /\/repos\/([^/]+)\/([^/?]+)/.exec(location ?? "") ?? [];
  if (owner && name) return { owner: decodeURIComponent(owner), name: decodeURIComponent(name) };
  const what = `${request.method} ${request.path} moved to ${location}, which is no repository`;
  throw new Permanent("gitea.moved", what, { request });
}
