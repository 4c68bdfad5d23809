import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { type Gitea, type GiteaOptions, startGitea } from "../../infra/local/gitea/server.ts";
import { type GiteaUnderTest, underTest } from "./gitea.ts";

/** A folder that goes after the file's tests. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "hubforge-stand-in-"));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A stand-in for this file's tests, with what only it can do and with the requests of the contract suite. */
export async function startStandIn(options: GiteaOptions): Promise<{ gitea: Gitea; tested: GiteaUnderTest }> {
  const gitea = await startGitea(options);
  afterAll(() => gitea.stop());
  const tested = await underTest({ ...gitea, ldapUrl: undefined, stop: async () => undefined });
  return { gitea, tested };
}

/** The one-file commit of the recordings, whose SHA is known. */
export const firstCommit = {
  message: "Starter files\n\nHubforge-Event: e1",
  files: [{ operation: "create", path: "README.md", content: "IyBIZWxsbwo=" }],
  author: { name: "Alice Example", email: "alice@example.org" },
  committer: { name: "hubforge", email: "ilum@ilum" },
  dates: { author: "2026-01-02T03:04:05Z", committer: "2026-01-02T03:04:05Z" },
};
