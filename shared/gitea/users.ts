import * as z from "zod";
import { read, refused, type Send, segment } from "./request.ts";

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

type NewUser = { username: string; login_name: string; source_id: number; full_name: string; email: string };
/** `login_name` is required and always written, even when the answer is 400 (reference rule 11). */
type UserChange = {
  login_name: string;
  source_id: number;
  full_name?: string;
  email?: string;
  prohibit_login?: boolean;
};

export function users(send: Send) {
  const find = async (name: string): Promise<User | undefined> => {
    const answer = await send(
      { method: "GET", path: `/users/${name}` },
      (api, params) => api.users.userGet(segment(name), params),
      { expect: [404] },
    );
    return answer.status === 404 ? undefined : read(User, answer);
  };
  return {
    find,

    /** Whose credentials we use; `html_url` is that account's page below Gitea's ROOT_URL. */
    whoAmI: async (): Promise<Me> =>
      read(Me, await send({ method: "GET", path: "/user" }, (api, params) => api.user.userGetCurrent(params))),

    /** Undefined when Gitea refused and no account of that name exists: then the mail is in use, or our input is wrong. */
    create: async (
      user: NewUser,
    ): Promise<{ created: User } | { refusal: ReturnType<typeof refused>; existing: User | undefined }> => {
      const answer = await send(
        { method: "POST", path: "/admin/users" },
        // The default of must_change_password is true and blocks LDAP accounts too (reference rule 10).
        (api, params) => api.admin.adminCreateUser({ ...user, must_change_password: false }, params),
        { expect: [422, 400, 500] },
      );
      if (answer.status < 300) return { created: read(User, answer) };
      return {
        refusal: refused("gitea.refused", answer, `account ${user.username} was not created`),
        existing: await find(user.username),
      };
    },

    /** False when Gitea answered 400 (a mail in use or not acceptable): mail and name are then unchanged. */
    change: async (name: string, change: UserChange): Promise<boolean> => {
      const answer = await send(
        { method: "PATCH", path: `/admin/users/${name}` },
        (api, params) => api.admin.adminEditUser(segment(name), { ...change, must_change_password: false }, params),
        { expect: [400] },
      );
      return answer.status !== 400;
    },
  };
}
