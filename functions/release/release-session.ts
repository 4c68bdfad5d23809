import type { Envelope } from "#shared/envelope.ts";
import type { GiteaTools } from "#shared/gitea.ts";
import { sessionTokenName } from "#shared/session-token.ts";
import type { Ensured } from "#shared/stage.ts";

/**
 * The session's Gitea token is gone; its work is not touched. Only the token of this very session is meant, so the stop of
 * an older one never reaches a newer one. Without an `account` there never was a token.
 */
export async function releaseSession({ delivery }: Envelope, { gitea }: GiteaTools): Promise<Ensured> {
  const { account } = delivery;
  if (account === undefined) return { outcome: "unchanged" };
  const wasThere = await gitea.tokens.revoke(account, sessionTokenName(delivery));
  return { outcome: wasThere ? "updated" : "unchanged", details: { account } };
}
