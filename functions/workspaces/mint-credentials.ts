import type { Gitea } from "#shared/gitea.ts";
import { TOKEN_USERNAME } from "#shared/names.ts";
import { hubUserTokenPrefix, sessionTokenName } from "#shared/session-token.ts";
import type { WorkspaceRequest } from "#shared/workspace-request.ts";

/** Both clocks count in whole seconds, and the hub lists its sessions a moment before it writes the time. */
const MARGIN_MILLISECONDS = 5000;

export type Credentials = { username: string; password: string; account: string; tokenName: string };

type Minting = { gitea: Gitea; receivedAt: Date; now: () => Date };

/**
 * A new Gitea token for the session of `request`, for cloning and pushing as `account`. The session's former token ends, and
 * so do the left-overs of this hub user: tokens of sessions that are not live any more and were made before the hub asked. A
 * token of a newer session, whose request overtook this one, stays. Nothing is minted unless all that succeeded.
 * @returns the credentials, which must never be logged, and how many tokens were revoked
 */
export async function mintCredentials(
  { data, timestamp }: WorkspaceRequest,
  account: string,
  { gitea, receivedAt, now }: Minting,
): Promise<{ credentials: Credentials; tokensRevoked: number }> {
  const { hub, user, sessions } = data;
  const tokenName = sessionTokenName(data);
  const prefix = hubUserTokenPrefix(hub, user);
  const live = new Set(sessions.map((one) => sessionTokenName({ hub, user, ...one })));

  const { tokens, askedAt } = await gitea.tokens.list(account);
  const listedAt = Math.min(receivedAt.getTime(), Date.parse(timestamp)); // a hub's clock that is ahead proves nothing
  const ageMilliseconds = now().getTime() - listedAt;
  // By Gitea's clock, which also dates the tokens; a proxy that hides it leaves the left-overs to the next hub.
  const madeBefore = askedAt ? askedAt.getTime() - ageMilliseconds - MARGIN_MILLISECONDS : 0;
  const ended = tokens.filter(
    ({ name, created_at }) =>
      name === tokenName || (name.startsWith(prefix) && !live.has(name) && Date.parse(created_at) < madeBefore),
  );
  for (const { id } of ended) await gitea.tokens.revoke(account, String(id));

  const password = await gitea.tokens.mint(account, tokenName, ["write:repository"]);
  return { credentials: { username: TOKEN_USERNAME, password, account, tokenName }, tokensRevoked: ended.length };
}
