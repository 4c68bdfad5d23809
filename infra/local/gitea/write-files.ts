import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { text } from "./body.ts";
import { gitOutput, listTree, resolveCommit, runGit } from "./git.ts";
import { invalid, Refusal } from "./refusals.ts";
import type { Account, Repository } from "./rows.ts";
import { checkpoint, wait } from "./switches.ts";
import { applyFiles, cleanPath, type FileChange, type Index } from "./tree-changes.ts";
import { now, repositoryDir, type World } from "./world.ts";

const identity = z.object({ name: text, email: text });
const dates = z.object({ author: z.string().optional(), committer: z.string().optional() });

export const commitOptions = {
  message: text,
  branch: z.string().optional(),
  new_branch: z.string().optional(),
  author: identity.optional(),
  committer: identity.optional(),
  dates: dates.optional(),
};

export interface WriteFiles {
  message: string;
  files: FileChange[];
  branch?: string | undefined;
  new_branch?: string | undefined;
  author?: z.infer<typeof identity> | undefined;
  committer?: z.infer<typeof identity> | undefined;
  dates?: z.infer<typeof dates> | undefined;
}

export interface Written {
  sha: string;
  branch: string;
  paths: string[];
}

const nothing = "0000000000000000000000000000000000000000";

/**
 * One commit for any number of files, all or nothing, as Gitea's ChangeRepoFiles does it: the branch table is believed
 * before the disk, the parent is what the disk had at the start, and the ref is taken only from that value.
 */
export async function writeFiles(world: World, row: Repository, doer: Account, form: WriteFiles): Promise<Written> {
  const dir = repositoryDir(world, row);
  const repository = openOr404(world, row, dir);
  const oldBranch = form.branch || repository.defaultBranch;
  const newBranch = form.new_branch || oldBranch;
  if (!repository.isEmpty && !repository.knownBranches.includes(oldBranch)) {
    throw new Refusal(404, `branch does not exist [repo_id: ${repository.id} name: ${oldBranch}]`);
  }
  const paths = form.files.map((file) => cleanPath(file.path));
  if (newBranch !== oldBranch && repository.knownBranches.includes(newBranch)) {
    throw invalid(`branch already exists [name: ${newBranch}]`);
  }
  const base = await resolveCommit(dir, `refs/heads/${oldBranch}`);
  if (base === undefined && (!repository.isEmpty || form.files.some((file) => file.operation === "delete"))) {
    throw new Refusal(404, `branch does not exist [repo_id: ${repository.id} name: ${oldBranch}]`);
  }
  const index: Index = new Map();
  if (base !== undefined)
    for (const entry of await listTree(dir, base, { depth: "recursive" })) index.set(entry.path, entry);
  const changed = applyFiles(index, form.files, {
    hasCommit: base !== undefined,
    fullName: fullName(world, repository),
  });
  const tree = await writeTree(dir, changed);
  const sha = await commitTree(dir, tree, { parent: base, doer, form });
  checkpoint(world.switches, "contents.commit");
  await takeRef(world, repository, { dir, branch: newBranch, sha, seen: newBranch === oldBranch ? base : undefined });
  checkpoint(world.switches, "contents.ref");
  recordWrite(world, repository.id, newBranch);
  return { sha, branch: newBranch, paths };
}

function openOr404(world: World, row: Repository, dir: string): Repository {
  if (!existsSync(dir)) throw new Refusal(404, "no such file or directory");
  if (!existsSync(join(dir, "HEAD"))) {
    const owner = world.accounts.get(row.ownerId);
    throw new Refusal(
      404,
      `repository does not exist [id: ${row.id}, uid: ${row.ownerId}, owner_name: ${owner?.name ?? ""}, name: ${row.name}]`,
    );
  }
  return world.repositories.get(row.id) ?? row;
}

function fullName(world: World, repository: Repository): string {
  return `${world.accounts.get(repository.ownerId)?.name ?? ""}/${repository.name}`;
}

/** Blobs and trees by one `git fast-import`, which prints the root tree of a commit that is never kept. */
async function writeTree(dir: string, index: Index): Promise<string> {
  const ref = `refs/standin/${randomBytes(8).toString("hex")}`;
  const parts: Buffer[] = [Buffer.from(`feature done\ncommit ${ref}\ncommitter x <x> 0 +0000\ndata 0\n\n`)];
  for (const [path, entry] of index) {
    const name = JSON.stringify(path).replace(/[^ -~]/g, (character) =>
      [...Buffer.from(character)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join(""),
    );
    if (entry.content === undefined) parts.push(Buffer.from(`M ${entry.mode} ${entry.sha} ${name}\n`));
    else
      parts.push(
        Buffer.from(`M ${entry.mode} inline ${name}\ndata ${entry.content.length}\n`),
        entry.content,
        Buffer.from("\n"),
      );
  }
  parts.push(Buffer.from(`ls ""\nreset ${ref}\nfrom ${nothing}\n\ndone\n`));
  const output = await gitOutput(dir, ["fast-import", "--quiet", "--date-format=raw"], { input: Buffer.concat(parts) });
  const sha = /^040000 tree ([0-9a-f]{40})/.exec(output.toString("utf8"))?.[1];
  return sha ?? (await gitOutput(dir, ["mktree"])).toString("utf8").trim();
}

/** The names and dates are cleaned by `git commit-tree` itself, exactly as behind a real Gitea. */
async function commitTree(
  dir: string,
  tree: string,
  options: { parent: string | undefined; doer: Account; form: WriteFiles },
): Promise<string> {
  const { doer, form } = options;
  const self = { name: doer.fullName || doer.name, email: doer.email };
  const author = signature(form.author, form.committer, self);
  const committer = signature(form.committer, form.author, self);
  const authorDate = form.dates?.author ?? form.dates?.committer ?? now();
  const env = {
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_AUTHOR_DATE: authorDate,
    GIT_COMMITTER_NAME: committer.name,
    GIT_COMMITTER_EMAIL: committer.email,
    GIT_COMMITTER_DATE: form.dates?.committer ?? authorDate,
  };
  const parents = options.parent === undefined ? [] : ["-p", options.parent];
  const input = `${(form.message || defaultMessage(form.files)).trim()}\n`;
  const { code, stdout, stderr } = await runGit(dir, ["commit-tree", "--no-gpg-sign", tree, ...parents], {
    input,
    env,
  });
  if (code !== 0) throw new Refusal(500, `unable to commit-tree in temporary repo: ${stderr}`);
  return stdout.toString("utf8").trim();
}

function signature(
  first: z.infer<typeof identity> | undefined,
  second: z.infer<typeof identity> | undefined,
  self: { name: string; email: string },
): { name: string; email: string } {
  const given = [first, second].find((candidate) => candidate && (candidate.name !== "" || candidate.email !== ""));
  return { name: given?.name || self.name, email: given?.email || self.email };
}

function defaultMessage(files: readonly FileChange[]): string {
  const named = (verb: string, operations: string[]) => {
    const paths = files.filter((file) => operations.includes(file.operation)).map((file) => file.path);
    return paths.length === 0 ? [] : [`${verb} ${paths.join(", ")}`];
  };
  return [
    ...named("Add", ["create"]),
    ...named("Update", ["update", "upload", "rename"]),
    ...named("Delete", ["delete"]),
  ].join("\n");
}

/**
 * The push: nothing to do when the ref is there already, else the ref is moved from the value seen at the start and
 * from no other. Of two at the same moment the second is refused.
 */
async function takeRef(
  world: World,
  repository: Repository,
  push: { dir: string; branch: string; sha: string; seen: string | undefined },
): Promise<void> {
  const ref = `refs/heads/${push.branch}`;
  const hooks = world.switches.commitMilliseconds;
  if (hooks > 0 && (await resolveCommit(push.dir, ref)) === push.sha) return;
  await wait(hooks);
  const { code, stderr } = await runGit(push.dir, ["update-ref", ref, push.sha, push.seen ?? nothing]);
  if (code === 0) return;
  const reason = /cannot lock ref .*/.exec(stderr)?.[0] ?? stderr.trim();
  throw new Refusal(
    500,
    `PushRejected Error: exit status 1 - remote: error: ${reason}        \nTo <repository root>/${fullName(world, repository)}.git\n` +
      ` ! [remote rejected] ${push.sha} -> ${push.branch} (failed to update ref)`,
  );
}

/** The row after a commit: no longer empty, and the branch is known. An empty repository takes the branch as its default. */
function recordWrite(world: World, repositoryId: number, branch: string): void {
  const row = world.repositories.get(repositoryId);
  if (row === undefined) return;
  world.repositories.put({
    ...row,
    isEmpty: false,
    defaultBranch: row.isEmpty ? branch : row.defaultBranch,
    knownBranches: row.knownBranches.includes(branch) ? row.knownBranches : [...row.knownBranches, branch],
    updatedAt: now(),
  });
}
