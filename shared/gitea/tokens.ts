import * as z from "zod";
import { read, type Send, segment } from "./request.ts";

const Token = z.object({ id: z.int(), name: z.string(), created_at: z.iso.datetime({ offset: true }) });
export type Token = z.infer<typeof Token>;

const PAGE_SIZE = 50;

/** Personal access tokens of other people; only HTTP Basic may touch them (reference §5). */
export function tokens(send: Send) {
  const list = async (username: string): Promise<Token[]> => {
    const found: Token[] = [];
    for (let page = 1; ; page += 1) {
      const answer = await send(
        { method: "GET", path: `/users/${username}/tokens` },
        (api, params) => api.users.userGetTokens(segment(username), { page, limit: PAGE_SIZE }, params),
        { isBasic: true, expect: [404] },
      );
      if (answer.status === 404) return found;
      const more = read(z.array(Token), answer);
      found.push(...more);
      if (more.length < PAGE_SIZE) return found;
    }
  };

  /** True when something was there to revoke; a token, or a person, that is gone is as wanted. */
  const revoke = async (username: string, nameOrId: string): Promise<boolean> => {
    const answer = await send(
      { method: "DELETE", path: `/users/${username}/tokens/${nameOrId}` },
      (api, params) => api.users.userDeleteAccessToken(segment(username), segment(nameOrId), params),
      { isBasic: true, expect: [404, 422] },
    );
    if (answer.status !== 422) return answer.status !== 404;
    // Two tokens of one name (two mints at once): each by its id.
    for (const { id } of (await list(username)).filter((token) => token.name === nameOrId))
      await revoke(username, String(id));
    return true;
  };

  return { list, revoke };
}
