import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import * as z from "zod";
import { Failure } from "#shared/envelope.ts";
import { type CloudOptions, type CloudStack, startCloudStack } from "../../infra/local/cloud/cloud-stack.ts";
import type { Gitea } from "../../infra/local/gitea/server.ts";

/** Small enough to see a net within a test: three receives of 12 s each. */
export const TEST_PARAMETERS = { functionTimeoutSeconds: 2, visibilityTimeoutSeconds: 12, maxReceiveCount: 3 };

/** The deployed stack in a folder of its own; `stop` takes both away. */
export async function startCloud(options: Omit<CloudOptions, "dir">): Promise<CloudStack> {
  const dir = await mkdtemp(join(tmpdir(), "hubforge-cloud-"));
  const remove = () => rm(dir, { recursive: true, force: true });
  try {
    const stack = await startCloudStack({ ...options, dir });
    return { ...stack, stop: () => stack.stop().finally(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Every letter that lies in `dead-letters` now; they are hidden for a while afterwards. */
export async function lettersIn({ sqs, queues }: CloudStack): Promise<Failure[]> {
  const QueueUrl = queues.find(({ queue }) => queue === "dead-letters")?.url;
  const found: Failure[] = [];
  for (;;) {
    const command = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 });
    const { Messages = [] } = await sqs.send(command);
    const fresh = Messages.map(({ Body = "" }) => Failure.parse(JSON.parse(Body))).filter(
      ({ failureId }) => !found.some((letter) => letter.failureId === failureId),
    );
    if (fresh.length === 0) return found;
    found.push(...fresh);
  }
}

/** The service's token is another one from now on, as after a rotation in Gitea; returns the new one. */
export async function rotateToken({ url, username, password }: Gitea): Promise<string> {
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const headers = { authorization, "content-type": "application/json" };
  const tokens = `${url}/api/v1/users/${username}/tokens`;
  const body = JSON.stringify({ name: "rotated", scopes: ["all"] });
  const made = await fetch(tokens, { method: "POST", headers, body });
  const { sha1 } = z.object({ sha1: z.string() }).parse(await made.json());
  const { status } = await fetch(`${tokens}/stand-in`, { method: "DELETE", headers });
  if (status !== 204) throw new Error(`the old token could not be deleted: ${status}`);
  return sha1;
}
