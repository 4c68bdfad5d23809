import * as z from "zod";
import type { Team } from "../envelope.ts";
import { Retryable } from "../errors.ts";
import { type Answer, type RequestOptions, read, type Send, segment } from "./request.ts";

export const Level = z.enum(["read", "write", "admin"]);
export type Level = z.infer<typeof Level>;

const GiteaTeam = z.object({
  id: z.int(),
  name: z.string(),
  description: z.string(),
  permission: z.string(),
  units_map: z.record(z.string(), z.string()).nullish(),
  organization: z.object({ name: z.string() }).nullish(),
});
type GiteaTeam = z.infer<typeof GiteaTeam>;

// A team with units answers `permission: "none"` whatever was asked: the units decide (reference rule 16).
const UNITS = ["repo.code", "repo.issues", "repo.pulls", "repo.releases", "repo.wiki", "repo.projects"];
const PAGE_SIZE = 50;

export function teams(send: Send, org: string) {
  const search = async (text: string, isInDescription: boolean): Promise<Team[]> => {
    const path = `/orgs/${org}/teams/search?q=${encodeURIComponent(text)}`;
    return await allPages(path, async (page, options) => {
      const query = { q: text, include_desc: isInDescription, page, limit: PAGE_SIZE };
      const answer = await send(
        { method: "GET", path },
        (api, params) => api.orgs.teamSearch(segment(org), query, params),
        options,
      );
      // No organisation, no teams: the team stage makes it.
      return answer.status === 404
        ? { answer, items: [] }
        : { answer, items: read(z.object({ data: z.array(GiteaTeam) }), answer).data.map(toTeam) };
    });
  };

  return {
    /** Every team of our organisation that the person is in; works for a blocked person too (reference §15). */
    ofPerson: async (username: string): Promise<Team[]> => {
      const path = "/user/teams";
      const all = await allPages(path, async (page, options) => {
        const query = { page, limit: PAGE_SIZE };
        const answer = await send({ method: "GET", path }, (api, params) => api.user.userListTeams(query, params), {
          ...options,
          sudo: username,
        });
        return { answer, items: answer.status === 404 ? [] : read(z.array(GiteaTeam), answer) };
      });
      return all.filter((team) => isSame(team.organization?.name ?? "", org)).map(toTeam);
    },

    /** Team of exactly that name, in any case. Names have no unique index: of a pair the lowest id counts (rule 15). */
    findByName: async (name: string): Promise<Team | undefined> =>
      lowest((await search(name, false)).filter((team) => isSame(team.name, name))),

    /** Teams whose whole description is `mark`; the search itself finds substrings. */
    findByMark: async (mark: string): Promise<Team | undefined> =>
      lowest((await search(mark, true)).filter((team) => team.description === mark)),

    /** Undefined when a team of that name is there already. */
    create: async (name: string, description: string, level: Level): Promise<Team | undefined> => {
      const body = { name, description, ...rights(level) };
      const answer = await send(
        { method: "POST", path: `/orgs/${org}/teams` },
        (api, params) => api.orgs.orgCreateTeam(segment(org), body, params),
        { expect: [422] },
      );
      return answer.status === 422 ? undefined : toTeam(read(GiteaTeam, answer));
    },

    change: async (team: Team, change: { description?: string; level?: Level }): Promise<void> => {
      const body = {
        name: team.name,
        description: change.description ?? team.description,
        ...(change.level ? rights(change.level) : {}),
      };
      await send({ method: "PATCH", path: `/teams/${team.id}` }, (api, params) =>
        api.teams.orgEditTeam(team.id, body, params),
      );
    },

    members: async (team: Team): Promise<string[]> => {
      const path = `/teams/${team.id}/members`;
      return await allPages(path, async (page, options) => {
        const query = { page, limit: PAGE_SIZE };
        const answer = await send(
          { method: "GET", path },
          (api, params) => api.teams.orgListTeamMembers(team.id, query, params),
          options,
        );
        return {
          answer,
          items:
            answer.status === 404
              ? []
              : read(z.array(z.object({ login: z.string() })), answer).map((member) => member.login),
        };
      });
    },

    addMember: async (team: Team, username: string): Promise<void> => {
      await send({ method: "PUT", path: `/teams/${team.id}/members/${username}` }, (api, params) =>
        api.teams.orgAddTeamMember(team.id, segment(username), params),
      );
    },

    removeMember: async (team: Team, username: string): Promise<void> => {
      await send({ method: "DELETE", path: `/teams/${team.id}/members/${username}` }, (api, params) =>
        api.teams.orgRemoveTeamMember(team.id, segment(username), params),
      );
    },
  };
}

function rights(level: Level) {
  if (level === "admin") return { permission: "admin" as const, includes_all_repositories: true };
  return {
    permission: level,
    units_map: Object.fromEntries(UNITS.map((unit) => [unit, level])),
    includes_all_repositories: false,
  };
}

function toTeam({ id, name, description, permission, units_map }: GiteaTeam): Team {
  const level = Level.safeParse(permission === "admin" ? "admin" : units_map?.["repo.code"]);
  return { id, name, description, level: permission === "owner" || !level.success ? "other" : level.data };
}

export function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function lowest(found: Team[]): Team | undefined {
  return found.toSorted((one, other) => one.id - other.id)[0];
}

type Page<Item> = { answer: Answer; items: Item[] };

/** Reads every page; a list that breaks off before the announced total is no list. */
async function allPages<Item>(
  path: string,
  readPage: (page: number, options: RequestOptions) => Promise<Page<Item>>,
): Promise<Item[]> {
  const items: Item[] = [];
  for (let page = 1; ; page += 1) {
    const { answer, items: more } = await readPage(page, { expect: page === 1 ? [404] : [] });
    items.push(...more);
    if (items.length >= (answer.totalCount ?? items.length)) return items;
    if (more.length === 0) {
      throw new Retryable("gitea.incomplete", `GET ${path} gave ${items.length} of ${answer.totalCount} items`, {
        request: answer.request,
      });
    }
  }
}
