import { existsSync } from "node:fs";
import { join } from "node:path";
import { commitTree, noCommit, type WriteFiles, writeTree } from "./commit-tree.ts";
import { listTree, resolveCommit, runGit } from "./git.ts";
import { invalid, Refusal } from "./refusals.ts";
import type { Account, Repository } from "./rows.ts";
import { checkpoint, wait } from "./switches.ts";
import { applyFiles, cleanPath, type Index } from "./tree-changes.ts";
import { now, repositoryDir, type World } from "./world.ts";

export interface Written {
  sha: string;
  branch: string;
  paths: string[];
}

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
    throw new Refusal(404, `branch does not exist [name: ${oldBranch}]`);
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
  checkpoint(world, "contents.commit");
  await takeRef(world, repository, { dir, branch: newBranch, sha, seen: newBranch === oldBranch ? base : undefined });
  checkpoint(world, "contents.ref");
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
  const { code, stderr } = await runGit(push.dir, ["update-ref", ref, push.sha, push.seen ?? noCommit]);
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
  world.repositories.change(repositoryId, {
    isEmpty: false,
    defaultBranch: row.isEmpty ? branch : undefined,
    knownBranches: row.knownBranches.includes(branch) ? row.knownBranches : [...row.knownBranches, branch],
    updatedAt: now(),
  });
}
