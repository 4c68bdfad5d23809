import type { Environment } from "#shared/config.ts";
import { asStageError } from "#shared/settle.ts";
import { readOnly } from "../outside.ts";

export type GiteaState = { is: "asking" | "well" } | { is: "trouble"; text: string };

const EVERY_MILLISECONDS = 10_000;
const PATIENCE_MILLISECONDS = 5_000;

/** Whether Gitea answers hubforge's own account: asked in the background when somebody looks, never waited for. */
export function watchGitea(environment: Environment): () => GiteaState {
  let state: GiteaState = { is: "asking" };
  let askedAt: number | undefined;
  return () => {
    if (askedAt === undefined || Date.now() - askedAt > EVERY_MILLISECONDS) {
      askedAt = Date.now();
      void askGitea(environment).then((answer) => {
        state = answer;
      });
    }
    return state;
  };
}

/** Never throws: that Gitea cannot be asked is the answer. */
async function askGitea(environment: Environment): Promise<GiteaState> {
  try {
    const { connectGitea } = await import("#shared/gitea.ts");
    const open = await connectGitea(environment);
    await open(readOnly(AbortSignal.timeout(PATIENCE_MILLISECONDS))).gitea.users.whoAmI();
    return { is: "well" };
  } catch (error) {
    return { is: "trouble", text: asStageError(error).message };
  }
}
