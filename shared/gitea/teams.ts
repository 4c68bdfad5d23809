import * as z from "zod";
import type { Team } from "../envelope.ts";
import { Permanent, Retryable } from "../errors.ts";
import { read, readNamed } from "./answer.ts";
import { failing, said } from "./classify.ts";
import { isSame } from "./is-same.ts";
import { allPages, PAGE_SIZE } from "./pages.ts";
import { type Send, segment } from "./request.ts";
import { GiteaTeam, type Rights, toPermissions, toTeam } from "./team-rights.ts";

const Found = z.object({ data: z.array(GiteaTeam) });
const Members = z.array(z.object({ login: z.string() }));

export function teams(send: Send, org: string) {
  const search = async (text: string, isInDescription: boolean): Promise<Team[]> => {
    const path = `/orgs/${org}/teams/search?q=${segment(text)}`;
    return await allPages(async (page) => {
      const query = { q: text, include_desc: isInDescription, page, limit: PAGE_SIZE };
      const answer = await send(
        { method: "GET", path },
        (api, params) => api.orgs.teamSearch(segment(org), query, params),
        { expect: [404] },
      );
      // No organisation, no teams: the team stage makes it.
      return { answer, items: answer.status === 404 ? [] : read(Found, answer).data.map(toTeam) };
    });
  };
  const namesakes = async (name: string) => (await search(name, false)).filter((team) => isSame(team.name, name));

  return {
    /** Every team of our organisation that the person is in; works for a blocked person too (README.md §3). */
    ofPerson: async (username: string): Promise<Team[]> => {
      const all = await allPages(async (page) => {
        const answer = await send(
          { method: "GET", path: "/user/teams" },
          (api, params) => api.user.userListTeams({ page, limit: PAGE_SIZE }, params),
          { sudo: username, expect: [404] },
        );
        if (answer.status === 404) throw failing(answer, `account ${username} went away`);
        return { answer, items: read(z.array(GiteaTeam), answer) };
      });
      return all.filter((team) => isSame(team.organization?.name ?? "", org)).map(toTeam);
    },

    /** Team of exactly that name, in any case. Names have no unique index: of a pair the lowest id counts (rule 15 of README.md). */
    findByName: async (name: string): Promise<Team | undefined> => lowest(await namesakes(name)),

    /** The team whose whole description is `mark`; the search itself finds substrings. */
    findByMark: async (mark: string): Promise<Team | undefined> =>
      lowest((await search(mark, true)).filter((team) => team.description === mark)),

    /** Undefined when a team of that name is there already. @throws Retryable `organisation.gone` */
    create: async (name: string, description: string, rights: Rights): Promise<Team | undefined> => {
      const body = { name, description, ...toPermissions(rights) };
      const answer = await send(
        { method: "POST", path: `/orgs/${org}/teams` },
        (api, params) => api.orgs.orgCreateTeam(segment(org), body, params),
        { expect: [404, 422] },
      );
      if (answer.status === 404) {
        const what = `organisation ${org} went away: the next try makes it anew`;
        throw new Retryable("organisation.gone", `${what} (${said(answer)})`, { request: answer.request });
      }
      return answer.status === 422 ? undefined : toTeam(readNamed(GiteaTeam, answer, name, (team) => team.name));
    },

    /** @throws Permanent `team.twins` for one of two teams of one name: Gitea refuses to change either (README.md §3) */
    change: async (team: Team, change: { description?: string; rights?: Rights }): Promise<void> => {
      const description = change.description ?? team.description;
      const body = { name: team.name, description, ...(change.rights ? toPermissions(change.rights) : {}) };
      const answer = await send(
        { method: "PATCH", path: `/teams/${team.id}` },
        (api, params) => api.teams.orgEditTeam(team.id, body, params),
        { expect: [404, 500] },
      );
      if (answer.status < 300) return;
      if (answer.status === 500 && (await namesakes(team.name)).length > 1) {
        const advice = `an owner of ${org} moves what one has to the other and deletes it, then replay`;
        throw new Permanent("team.twins", `there are two teams named ${team.name}: ${advice}`, {
          request: answer.request,
        });
      }
      throw failing(answer, `team ${team.name} was not changed`);
    },

    members: async (team: Team): Promise<string[]> => {
      const members = await allPages(async (page) => {
        const answer = await send(
          { method: "GET", path: `/teams/${team.id}/members` },
          (api, params) => api.teams.orgListTeamMembers(team.id, { page, limit: PAGE_SIZE }, params),
          { expect: [404] },
        );
        if (answer.status === 404) throw failing(answer, `team ${team.name} went away`);
        return { answer, items: read(Members, answer) };
      });
      return members.map(({ login }) => login);
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

function lowest(found: Team[]): Team | undefined {
  return found.toSorted((one, other) => one.id - other.id)[0];
}
