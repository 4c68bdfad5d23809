import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedQueues, startEmbeddedQueues } from "../../infra/local/embedded-queues.ts";
import { type Gitea, startGitea } from "../../infra/local/gitea/server.ts";
import { type Slapd, startSlapd } from "../../infra/local/slapd.ts";
import { startLocalStack } from "../../infra/local/stack.ts";

/**
 * The whole pipeline on loopback, with its three outside systems in our hands: each can really be stopped, and started again
 * on its port with what it had.
 */
export async function startOutageStack(settings: Record<string, string> = {}) {
  const dir = await mkdtemp(join(tmpdir(), "hubforge-outage-"));
  const parts: { slapd: Slapd; gitea: Gitea; queues: EmbeddedQueues } = {
    slapd: await startSlapd({ dir: join(dir, "slapd") }),
    gitea: await startGitea({ dir: join(dir, "gitea") }),
    queues: await startEmbeddedQueues({ dataDir: join(dir, "queues") }),
  };
  const { slapd, gitea, queues } = parts;
  const portOf = (url: string) => Number(new URL(url).port);
  const stack = await startLocalStack({
    dir: join(dir, "stack"),
    giteaUrl: gitea.url,
    sqsEndpoint: queues.endpoint,
    parameters: { visibilityTimeoutSeconds: 10 },
    settings: {
      ...slapd.environment,
      GITEA_TOKEN: gitea.token,
      GITEA_AUTH_SOURCE_ID: String(gitea.sourceId),
      ...settings,
    },
  });
  return {
    ...stack,
    gitea,
    /** Ends that system; the result starts it again. */
    stopGitea: async () => {
      await parts.gitea.stop();
      return async () => {
        parts.gitea = await startGitea({ dir: join(dir, "gitea"), port: portOf(gitea.url) });
      };
    },
    stopDirectory: async () => {
      await parts.slapd.stop();
      return async () => {
        parts.slapd = await startSlapd({ dir: join(dir, "slapd"), port: portOf(slapd.url) });
      };
    },
    stopQueues: async () => {
      await parts.queues.stop();
      return async () => {
        parts.queues = await startEmbeddedQueues({ dataDir: join(dir, "queues"), port: portOf(queues.endpoint) });
      };
    },
    spawn: async (user: string) => {
      const { status, delivery } = await stack.send({ type: "server.spawning", user });
      if (status !== 202) throw new Error(`the ingress answered ${status}`);
      return delivery;
    },
    stop: async () => {
      await stack.stop();
      await parts.gitea.stop();
      await parts.queues.stop();
      await parts.slapd.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export type OutageStack = Awaited<ReturnType<typeof startOutageStack>>;
