import { spawn } from "node:child_process";

interface GitResult {
  code: number;
  stdout: Buffer;
  stderr: string;
}

/** The user's own Git settings must not leak into the repositories of the stand-in. */
export function gitEnvironment(): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    LANG: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
  };
}

/** Runs the `git` program on a bare repository; a non-zero exit is a result, not an error. */
export function runGit(
  dir: string,
  args: readonly string[],
  options: { input?: string | Buffer; env?: Record<string, string> } = {},
): Promise<GitResult> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", ["--git-dir", dir, ...args], {
      env: { ...gitEnvironment(), ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code: code ?? 1, stdout: Buffer.concat(out), stderr: Buffer.concat(errors).toString("utf8") });
    });
    // A child that ended early closes its input; its exit code says why.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
  });
}

/** The same where a failure can only be a fault of the stand-in. */
export async function gitOutput(
  dir: string,
  args: readonly string[],
  options: { input?: string | Buffer; env?: Record<string, string> } = {},
): Promise<Buffer> {
  const { code, stdout, stderr } = await runGit(dir, args, options);
  if (code !== 0) throw new Error(`git ${args[0]} exited with ${code}: ${stderr.trim()}`);
  return stdout;
}

/** The commit that a branch, tag or SHA names on disk; undefined when there is none. */
export async function resolveCommit(dir: string, ref: string): Promise<string | undefined> {
  const { code, stdout } = await runGit(dir, [
    "rev-parse",
    "--verify",
    "--quiet",
    "--end-of-options",
    `${ref}^{commit}`,
  ]);
  return code === 0 ? stdout.toString("utf8").trim() : undefined;
}

export interface TreeEntry {
  mode: string;
  type: string;
  sha: string;
  size: number;
  path: string;
}

/** The entries of a tree, or the one at `path`; `recursive` leaves out the folders, `with folders` does not. */
export async function listTree(
  dir: string,
  treeish: string,
  options: { path?: string; depth?: "one" | "recursive" | "with folders" } = {},
): Promise<TreeEntry[]> {
  const flags = { one: [], recursive: ["-r"], "with folders": ["-r", "-t"] }[options.depth ?? "one"];
  const paths = options.path === undefined ? [] : [options.path];
  const output = await gitOutput(dir, ["ls-tree", "-z", "-l", ...flags, "--end-of-options", treeish, ...paths]);
  return output
    .toString("utf8")
    .split("\0")
    .filter((line) => line !== "")
    .map((line) => {
      const tab = line.indexOf("\t");
      const [mode = "", type = "", sha = "", size = ""] = line.slice(0, tab).split(/ +/);
      return { mode, type, sha, size: Number(size) || 0, path: line.slice(tab + 1) };
    });
}

export async function listBranches(dir: string): Promise<{ name: string; sha: string }[]> {
  const { code, stdout } = await runGit(dir, [
    "for-each-ref",
    "--format=%(refname:lstrip=2) %(objectname)",
    "refs/heads",
  ]);
  if (code !== 0) return [];
  return stdout
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [name = "", sha = ""] = line.split(" ");
      return { name, sha };
    });
}
