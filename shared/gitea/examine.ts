import * as z from "zod";
import type { Settings } from "../config.ts";
import { Unauthorized } from "../errors.ts";
import type { Invocation } from "../stage.ts";
import { type Answer, read } from "./answer.ts";
import { createSend, type Send, segment } from "./request.ts";

const Version = z.object({ version: z.string() });
const Self = z.object({ login: z.string(), is_admin: z.boolean() });
const Organisation = z.object({
  name: z.string(),
  visibility: z.string(),
  repo_admin_change_team_access: z.boolean(),
});
const Accounts = z.array(z.object({ login: z.string(), login_name: z.string(), source_id: z.int() }));

/** What GITEA_TOKEN has to be allowed (README.md §5). */
export const SCOPES = ["write:admin", "write:organization", "write:repository", "write:user"] as const;
export type Scope = (typeof SCOPES)[number];

/** Two hyphens in a row are in no name that Gitea takes, so nothing can be there. */
const NOBODY = "hubforge--doctor";

/** Whether this Gitea, with these credentials, is one that hubforge can work with. Nothing of it changes anything. */
export function examineGitea(settings: Settings<"gitea">, invocation: Invocation) {
  const send = createSend(settings, invocation);
  const askVersion = (expect: number[]) =>
    send({ method: "GET", path: "/version" }, (api, params) => api.version.getVersion(params), { expect });
  const askWho = (options: { expect?: number[]; sudo?: string }) =>
    send({ method: "GET", path: "/user" }, (api, params) => api.user.userGetCurrent(params), options);
  return {
    /** That something answers as Gitea does, whatever it thinks of the credentials; when it did by its own clock. */
    knock: async (): Promise<Date | undefined> => (await askVersion([401, 403])).answeredAt,
    version: async () => read(Version, await askVersion([])).version,
    /** A token of too few scopes is refused this question, too, but it is a token. @throws Unauthorized for any other */
    signIn: async () => void (await askWho({ expect: [403] })),
    whoAmI: async () => read(Self, await askWho({})),
    /** Asks in that account's own name. */
    actAs: async (login: string) => read(Self, await askWho({ sudo: login })).login,
    /** @throws Unauthorized without the scope, or the right behind it */
    tryScope: async (scope: Scope, self: string) => void (await tryScope(send, scope, self)),
    /** Undefined where there is none. */
    organisation: async () => {
      const answer = await send(
        { method: "GET", path: `/orgs/${settings.GITEA_ORG}` },
        (api, params) => api.orgs.orgGet(segment(settings.GITEA_ORG), params),
        { expect: [404] },
      );
      return answer.status === 404 ? undefined : read(Organisation, answer);
    },
    /** Some of the accounts of an auth source, or of all (0), and how many there are. */
    accountsOf: async (source_id: number) => {
      const query = { source_id, page: 1, limit: 50 };
      const answer = await send({ method: "GET", path: `/admin/users?source_id=${source_id}` }, (api, params) =>
        api.admin.adminSearchUsers(query, params),
      );
      const accounts = read(Accounts, answer);
      return { accounts, count: answer.totalCount ?? accounts.length };
    },
  };
}

/**
 * Gitea looks at the scope before it looks at what is asked: a write that lacks what it needs, or whose object cannot
 * exist, is refused as such (422, 404) where the scope is there, and by 403 where it is not.
 */
async function tryScope(send: Send, scope: Scope, self: string): Promise<void> {
  const answer = await harmlessWrite(send, scope, self);
  if (answer.status === 422 || answer.status === 404) return;
  const { method, path } = answer.request;
  throw new Unauthorized("gitea.unauthorized", `${method} ${path} without its fields was answered ${answer.status}`, {
    request: answer.request,
  });
}

function harmlessWrite(send: Send, scope: Scope, self: string): Promise<Answer> {
  const expect = { expect: [404, 422] };
  switch (scope) {
    case "write:admin":
      return send(
        { method: "POST", path: "/admin/users" },
        (api, params) => api.admin.adminCreateUser({ username: "", email: "" }, params),
        expect,
      );
    case "write:organization":
      return send(
        { method: "POST", path: "/orgs" },
        (api, params) => api.orgs.orgCreate({ username: "" }, params),
        expect,
      );
    case "write:repository":
      return send(
        { method: "PATCH", path: `/repos/${NOBODY}/${NOBODY}` },
        (api, params) => api.repos.repoEdit(NOBODY, NOBODY, {}, params),
        expect,
      );
    case "write:user":
      return send(
        { method: "POST", path: `/users/${self}/tokens` },
        (api, params) => api.users.userCreateToken(segment(self), { name: "", scopes: [] }, params),
        { ...expect, isBasic: true },
      );
  }
}
