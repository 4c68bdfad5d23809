import { utc } from "./files.ts";
import { gitOutput } from "./git.ts";
import type { Found } from "./lookup.ts";
import { accountView } from "./views.ts";
import { accountByMail, type World } from "./world.ts";

export interface Commit {
  sha: string;
  tree: string;
  parents: string[];
  author: { name: string; email: string; date: string };
  committer: { name: string; email: string; date: string };
  message: string;
}

const format = ["%H", "%T", "%P", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%B"].join("%x00");

export async function readCommits(dir: string, args: readonly string[]): Promise<Commit[]> {
  const output = await gitOutput(dir, ["log", "-z", `--format=${format}%x00`, ...args]);
  const fields = output.toString("utf8").split("\0");
  const commits: Commit[] = [];
  for (let at = 0; at + 10 <= fields.length; at += 11) {
    const [sha = "", tree = "", parents = "", an = "", ae = "", ad = "", cn = "", ce = "", cd = "", message = ""] =
      fields.slice(at, at + 10);
    commits.push({
      sha,
      tree,
      parents: parents === "" ? [] : parents.split(" "),
      author: { name: an, email: ae, date: utc(ad) },
      committer: { name: cn, email: ce, date: utc(cd) },
      message,
    });
  }
  return commits;
}

/** In lists `tree.sha` is the commit's own SHA, and people are shown without admin rights, by their mail. */
export function listedView(world: World, found: Found, commit: Commit, verification: object | null): object {
  const api = `${world.rootUrl}/api/v1/repos/${found.fullName}/git`;
  const person = (mail: string) => {
    const account = accountByMail(world, mail);
    return account === undefined ? null : accountView(world, account, null);
  };
  return {
    url: `${api}/commits/${commit.sha}`,
    sha: commit.sha,
    created: commit.committer.date,
    html_url: `${world.rootUrl}/${found.fullName}/commit/${commit.sha}`,
    commit: {
      url: `${api}/commits/${commit.sha}`,
      author: commit.author,
      committer: commit.committer,
      message: commit.message,
      tree: { url: `${api}/trees/${commit.sha}`, sha: commit.sha, created: commit.committer.date },
      verification,
    },
    author: person(commit.author.email),
    committer: person(commit.committer.email),
    parents: commit.parents.map((sha) => ({ url: `${api}/commits/${sha}`, sha, created: "0001-01-01T00:00:00Z" })),
  };
}

/** The commit as the contents call answers it: here `tree.sha` is the tree. */
export async function commitView(world: World, found: Found, dir: string, sha: string): Promise<object> {
  const [commit] = await readCommits(dir, ["-1", sha]);
  if (commit === undefined) throw new Error(`the commit ${sha} that was just written is not there`);
  const api = `${world.rootUrl}/api/v1/repos/${found.fullName}/git`;
  const created = "0001-01-01T00:00:00Z";
  return {
    url: `${api}/commits/${sha}`,
    sha,
    created,
    html_url: `${world.rootUrl}/${found.fullName}/commit/${sha}`,
    author: commit.author,
    committer: commit.committer,
    parents: commit.parents.map((parent) => ({ url: `${api}/commits/${parent}`, sha: parent, created })),
    message: commit.message,
    tree: { url: `${api}/trees/${commit.tree}`, sha: commit.tree, created },
  };
}

/** What a commit changed, where it is asked for. */
export async function changesOf(
  dir: string,
  commit: Commit,
  asked: { files: string | undefined; stat: string | undefined },
): Promise<object> {
  const tree = ["diff-tree", "--root", "--no-commit-id", "-r", "--no-renames", "-z"];
  const changes: { files: object[] | null; stats: object | null } = { files: null, stats: null };
  if (asked.files !== "false") {
    const fields = (await gitOutput(dir, [...tree, "--name-status", commit.sha])).toString("utf8").split("\0");
    const words: Record<string, string> = { A: "added", D: "removed", M: "modified" };
    const files: object[] = [];
    changes.files = files;
    for (let at = 0; at + 1 < fields.length; at += 2) {
      files.push({ filename: fields[at + 1], status: words[fields[at] ?? ""] ?? "modified" });
    }
  }
  if (asked.stat !== "false") {
    const lines = (await gitOutput(dir, [...tree, "--numstat", commit.sha])).toString("utf8").split("\0");
    const sum = (column: number) =>
      lines.reduce((total, line) => total + (Number(line.split("\t")[column] ?? 0) || 0), 0);
    changes.stats = { total: sum(0) + sum(1), additions: sum(0), deletions: sum(1) };
  }
  return changes;
}
