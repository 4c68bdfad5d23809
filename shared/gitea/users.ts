import * as z from "zod";
import type { Permanent, Retryable } from "../errors.ts";
import { type Answer, read, readNamed } from "./answer.ts";
import { failing, refused } from "./classify.ts";
import { isSame } from "./is-same.ts";
import { PAGE_SIZE } from "./pages.ts";
import { type Send, segment } from "./request.ts";

/** A Gitea account as an admin sees it (`GET /users/{name}`, any case); organisations answer here too, with `source_id` 0. */
const User = z.object({
  id: z.int(),
  login: z.string(),
  login_name: z.string(),
  source_id: z.int(),
  full_name: z.string(),
  email: z.string(),
  is_admin: z.boolean(),
  active: z.boolean(),
  prohibit_login: z.boolean(),
  created: z.iso.datetime({ offset: true }),
});
export type User = z.infer<typeof User>;

const Me = User.pick({ id: true, login: true }).extend({ html_url: z.string().optional() });
type Me = z.infer<typeof Me>;

const Email = z.object({ email: z.string(), username: z.string() });

/** Always written, even when the answer is 400, and refused when left out (rule 11 of README.md). */
type Link = { login_name: string; source_id: number };
type NewUser = Link & { username: string; full_name: string; email: string };
type UserChange = Link & { full_name?: string; prohibit_login?: boolean };

export function users(send: Send) {
  const find = async (name: string): Promise<User | undefined> => {
    const answer = await send(
      { method: "GET", path: `/users/${name}` },
      (api, params) => api.users.userGet(segment(name), params),
      { expect: [404] },
    );
    return answer.status === 404 ? undefined : readNamed(User, answer, name, ({ login }) => login);
  };
  const patch = async (name: string, change: UserChange & { email?: string }): Promise<Answer> => {
    const answer = await send(
      { method: "PATCH", path: `/admin/users/${name}` },
      (api, params) => api.admin.adminEditUser(segment(name), { ...change, must_change_password: false }, params),
      { expect: [400, 404] },
    );
    if (answer.status === 404) throw failing(answer, `account ${name} went away`);
    return answer;
  };
  return {
    find,

    /** Whose credentials we use; `html_url` is that account's page below Gitea's ROOT_URL. */
    whoAmI: async (): Promise<Me> =>
      read(Me, await send({ method: "GET", path: "/user" }, (api, params) => api.user.userGetCurrent(params))),

    /**
     * A refusal is a value: it does not say whether name or mail is in use, or whether a twin was quicker (rule 23), so the
     * caller reads back.
     */
    create: async (user: NewUser): Promise<{ created: User } | { refusal: Permanent | Retryable }> => {
      const answer = await send(
        { method: "POST", path: "/admin/users" },
        // The default of must_change_password is true and blocks LDAP accounts too (rule 10 of README.md).
        (api, params) => api.admin.adminCreateUser({ ...user, must_change_password: false }, params),
        { expect: [422, 500] },
      );
      if (answer.status < 300) return { created: readNamed(User, answer, user.username, ({ login }) => login) };
      const what = `no account ${user.username} was made`;
      return { refusal: answer.status === 500 ? failing(answer, what) : refused("gitea.refused", answer, what) };
    },

    /** The account that has this address, as its first or as a further one. */
    holderOfMail: async (email: string): Promise<string | undefined> => {
      const path = `/admin/emails/search?q=${segment(email)}`;
      const query = { q: email, page: 1, limit: PAGE_SIZE };
      const answer = await send({ method: "GET", path }, (api, params) => api.admin.adminSearchEmails(query, params));
      return read(z.array(Email), answer).find((one) => isSame(one.email, email))?.username;
    },

    /** Writes the link and what else is named. @throws Permanent `gitea.refused` */
    change: async (name: string, change: UserChange): Promise<void> => {
      const answer = await patch(name, change);
      if (answer.status === 400) throw refused("gitea.refused", answer, `account ${name} was not changed`);
    },

    /** Gitea's words when it refuses the address (in use, not acceptable): then only the link was written (rule 11). */
    changeMail: async (name: string, change: Link & { email: string }): Promise<string | undefined> => {
      const answer = await patch(name, change);
      return answer.status === 400 ? answer.message : undefined;
    },
  };
}
