import * as z from "zod";
import { Retryable } from "../errors.ts";
import { type Answer, read, readNamed } from "./answer.ts";
import { allPages, PAGE_SIZE } from "./pages.ts";
import { type Send, segment } from "./request.ts";

const Token = z.object({ id: z.int(), name: z.string(), created_at: z.iso.datetime({ offset: true }) });
export type Token = z.infer<typeof Token>;

/** The secret is in this answer and never again. */
const Minted = z.object({ name: z.string(), sha1: z.string().min(1) });
const secretIn = (answer: Answer, asked: string) => readNamed(Minted, answer, asked, ({ name }) => name).sha1;

/** Personal access tokens of other people; only HTTP Basic may touch them (README.md §5). */
export function tokens(send: Send) {
  /** `askedAt` is when Gitea's own clock was read, before the first token was; undefined where a proxy hides it. */
  const list = async (username: string): Promise<{ tokens: Token[]; askedAt: Date | undefined }> => {
    let askedAt: Date | undefined;
    const found = await allPages(async (page) => {
      const answer = await send(
        { method: "GET", path: `/users/${username}/tokens` },
        (api, params) => api.users.userGetTokens(segment(username), { page, limit: PAGE_SIZE }, params),
        { isBasic: true, expect: [404] },
      );
      askedAt ??= answer.answeredAt;
      return { answer, items: answer.status === 404 ? [] : read(z.array(Token), answer) };
    });
    return { tokens: found, askedAt };
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
    const twins = (await list(username)).tokens.filter((token) => token.name === nameOrId);
    for (const { id } of twins) await revoke(username, String(id));
    return true;
  };

  const tryToMint = async (username: string, name: string, scopes: string[]): Promise<Answer> =>
    await send(
      { method: "POST", path: `/users/${username}/tokens` },
      (api, params) => api.users.userCreateToken(segment(username), { name, scopes }, params),
      { isBasic: true, expect: [400] },
    );

  /**
   * A new token's secret. One of that name that is already there is revoked: its secret cannot be read again.
   * @throws Retryable `token.contended` when another request makes the same name at the same moment
   */
  const mint = async (username: string, name: string, scopes: string[]): Promise<string> => {
    const first = await tryToMint(username, name, scopes);
    if (first.status !== 400) return secretIn(first, name);
    await revoke(username, name);
    const second = await tryToMint(username, name, scopes);
    if (second.status !== 400) return secretIn(second, name);
    const said = `POST ${second.request.path} answered 400 twice: ${second.message}`;
    throw new Retryable("token.contended", said, { request: second.request });
  };

  return { list, revoke, mint };
}
