import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Hands out what the environment holds, as the helper in a user's server hands out what the hub says. */
const HELPER = '!f() { echo "username=$SESSION_USERNAME"; echo "password=$SESSION_PASSWORD"; }; f';

export type Credentials = { username?: string | undefined; password?: string | undefined };

/** The real git program in a clone of its own, with a session's credentials and nobody's settings. */
export async function openClone(cloneUrl: string, { username = "", password = "" }: Credentials) {
  const home = await mkdtemp(join(tmpdir(), "hubforge-clone-"));
  const folder = join(home, "work");
  const person = { NAME: "Ada Lovelace", EMAIL: "ada@uni.example" };
  const env = {
    PATH: process.env["PATH"],
    HOME: home,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    SESSION_USERNAME: username,
    SESSION_PASSWORD: password,
    ...{ GIT_AUTHOR_NAME: person.NAME, GIT_AUTHOR_EMAIL: person.EMAIL },
    ...{ GIT_COMMITTER_NAME: person.NAME, GIT_COMMITTER_EMAIL: person.EMAIL },
  };
  const git = async (...words: string[]) =>
    (await run("git", ["-c", `credential.helper=${HELPER}`, ...words], { cwd: home, env })).stdout.trim();
  await git("clone", "--quiet", cloneUrl, folder);
  return {
    files: () => git("-C", folder, "ls-files"),
    fetch: () => git("-C", folder, "fetch"),
    pushFile: async (name: string, content: string) => {
      await writeFile(join(folder, name), content);
      await git("-C", folder, "add", name);
      await git("-C", folder, "commit", "--quiet", "-m", `Add ${name}`);
      await git("-C", folder, "push", "--quiet", "origin", "HEAD");
      return await git("-C", folder, "rev-parse", "HEAD");
    },
    remove: () => rm(home, { recursive: true, force: true }),
  };
}
