import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Journey } from "./journal.ts";

const run = promisify(execFile);

export type Repository = { owner: string; name: string; cloneUrl: string; htmlUrl: string };
export type Commit = { sha: string; author: string; subject: string; files: string[] };

/** Where the repository of a finished journey is; undefined where it has none (a stop, or a journey cut short). */
export function repositoryOf({ repository }: Journey, giteaUrl: string, cloneBase = giteaUrl): Repository | undefined {
  const [owner = "", name = ""] = repository?.split("/") ?? [];
  if (!name) return undefined;
  const path = `${encodeURIComponent(owner)}/${encodeURIComponent(name)}`;
  return { owner, name, cloneUrl: `${cloneBase}/${path}.git`, htmlUrl: `${giteaUrl}/${path}` };
}

/**
 * Clones what is there with the very `git` that a person would use, and tells the newest commit. The password travels in
 * the environment: never in a URL, never among the arguments.
 */
export async function lookInto(
  cloneUrl: string,
  options: { dir: string; user: string; password: string },
): Promise<Commit> {
  const { dir, user, password } = options;
  const folder = await mkdtemp(join(dir, "clone-"));
  const env = {
    ...process.env,
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "http.extraHeader",
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
  };
  try {
    await run("git", ["clone", "--quiet", "--bare", cloneUrl, folder], { env });
    const { stdout: head } = await run("git", ["-C", folder, "log", "-1", "--format=%H%n%an <%ae>%n%s"], { env });
    const { stdout: tree } = await run("git", ["-C", folder, "ls-tree", "-r", "-z", "--name-only", "HEAD"], { env });
    const [sha = "", author = "", subject = ""] = head.split("\n");
    return { sha, author, subject, files: tree.split("\0").filter((path) => path !== "") };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
