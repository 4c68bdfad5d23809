import * as z from "zod";
import type { Settings } from "../config.ts";
import type { Team } from "../envelope.ts";
import type { Invocation } from "../stage.ts";
import { read } from "./answer.ts";
import { listAll } from "./list-all.ts";
import { PAGE_SIZE } from "./pages.ts";
import { createSend, segment } from "./request.ts";
import { GiteaTeam, toTeam } from "./team-rights.ts";

/** Of an account, what the directory decides and what tells whose it is. */
const Account = z.object({
  id: z.int(),
  login: z.string(),
  login_name: z.string(),
  source_id: z.int(),
  full_name: z.string(),
  email: z.string(),
  is_admin: z.boolean(),
  prohibit_login: z.boolean(),
  created: z.iso.datetime({ offset: true }),
});
export type Account = z.infer<typeof Account>;

const Member = z.object({ id: z.int(), login: z.string() });
const Organisation = z.object({ id: z.int(), username: z.string() });
const Task = z.object({ name: z.string(), exec_times: z.int() }).transform((task) => ({ ...task, id: task.name }));

/** Long lists, for the directory sync. Each is complete, or throws; `hasMoved` where rows came and went meanwhile. */
export function giteaLists(settings: Settings<"gitea">, invocation: Invocation) {
  const send = createSend(settings, invocation);
  const org = segment(settings.GITEA_ORG);
  return {
    /** Everybody's, of every source: a local account too holds a name and a mail. */
    accounts: () =>
      listAll(async (page) => {
        const query = { page, limit: PAGE_SIZE };
        const answer = await send({ method: "GET", path: "/admin/users" }, (api, params) =>
          api.admin.adminSearchUsers(query, params),
        );
        return { answer, items: read(z.array(Account), answer) };
      }),

    organisations: () =>
      listAll(async (page) => {
        const query = { page, limit: PAGE_SIZE };
        const answer = await send({ method: "GET", path: "/admin/orgs" }, (api, params) =>
          api.admin.adminGetAllOrgs(query, params),
        );
        return { answer, items: read(z.array(Organisation), answer) };
      }),

    /** Of our organisation; none where it does not exist yet. */
    teams: () =>
      listAll<Team>(async (page) => {
        const query = { page, limit: PAGE_SIZE };
        const answer = await send(
          { method: "GET", path: `/orgs/${settings.GITEA_ORG}/teams` },
          (api, params) => api.orgs.orgListTeams(org, query, params),
          { expect: [404] },
        );
        return { answer, items: answer.status === 404 ? [] : read(z.array(GiteaTeam), answer).map(toTeam) };
      }),

    members: (team: Team) =>
      listAll(async (page) => {
        const query = { page, limit: PAGE_SIZE };
        const answer = await send({ method: "GET", path: `/teams/${team.id}/members` }, (api, params) =>
          api.teams.orgListTeamMembers(team.id, query, params),
        );
        return { answer, items: read(z.array(Member), answer) };
      }),

    /** How often Gitea's own LDAP sync has run since Gitea started. */
    nativeSyncRuns: async (): Promise<number> => {
      const { items } = await listAll(async (page) => {
        const answer = await send({ method: "GET", path: "/admin/cron" }, (api, params) =>
          api.admin.adminCronList({ page, limit: PAGE_SIZE }, params),
        );
        return { answer, items: read(z.array(Task), answer) };
      });
      return items.find(({ name }) => name === "sync_external_users")?.exec_times ?? 0;
    },
  };
}
export type GiteaLists = ReturnType<typeof giteaLists>;
