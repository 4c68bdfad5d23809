import { loadSettings, type Settings } from "./config.ts";
import { checkSettings } from "./gitea/check-settings.ts";
import { commits } from "./gitea/commits.ts";
import { files } from "./gitea/files.ts";
import { organisations } from "./gitea/organisations.ts";
import { repositories } from "./gitea/repositories.ts";
import { createSend } from "./gitea/request.ts";
import { teams } from "./gitea/teams.ts";
import { tokens } from "./gitea/tokens.ts";
import { users } from "./gitea/users.ts";
import type { Connect, Invocation } from "./stage.ts";

export { failing, refused } from "./gitea/classify.ts";
export { isSame } from "./gitea/is-same.ts";
export type { Place, Repository } from "./gitea/repositories.ts";
export type { Level } from "./gitea/team-rights.ts";
export type { User } from "./gitea/users.ts";

/**
 * Gitea's HTTP API as far as hubforge uses it: the only place that speaks to Gitea and reads a status code. Every call
 * gives a value, or throws Permanent, Retryable or Unauthorized with method, path, status and Gitea's own message.
 */
function openGitea(settings: Settings<"gitea">, invocation: Invocation) {
  const send = createSend(settings, invocation);
  return {
    users: users(send),
    organisations: organisations(send),
    teams: teams(send, settings.GITEA_ORG),
    repositories: repositories(send),
    commits: commits(send),
    files: files(send),
    tokens: tokens(send),
  };
}
export type Gitea = ReturnType<typeof openGitea>;

export type GiteaTools = { gitea: Gitea; settings: Settings<"gitea">; once: Once };

/** Runs `work` once per cold start and keeps its result until it is forgotten; a failure is not kept. */
type Once = {
  <Value>(name: string, work: () => Promise<Value>): Promise<Value>;
  forget(name: string): void;
};

/** For stages that speak to Gitea. */
export const connectGitea: Connect<GiteaTools> = async (environment) => {
  const settings = await loadSettings(["gitea"], environment);
  checkSettings(settings);
  const once = createOnce();
  return (invocation) => ({ gitea: openGitea(settings, invocation), settings, once });
};

export function createOnce(): Once {
  const kept = new Map<string, Promise<unknown>>();
  const once = <Value>(name: string, work: () => Promise<Value>) => {
    const running = (kept.get(name) as Promise<Value> | undefined) ?? work();
    kept.set(name, running);
    running.catch(() => kept.delete(name));
    return running;
  };
  return Object.assign(once, { forget: (name: string) => void kept.delete(name) });
}
