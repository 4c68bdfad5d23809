import { randomBytes } from "node:crypto";
import * as z from "zod";
import { text } from "./body.ts";
import { gitOutput, runGit } from "./git.ts";
import { Refusal } from "./refusals.ts";
import type { Account } from "./rows.ts";
import type { FileChange, Index } from "./tree-changes.ts";
import { now } from "./world.ts";

const identity = z.object({ name: text, email: text });
const date = z.iso.datetime({ offset: true }).optional();
const dates = z.object({ author: date, committer: date });

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

/** The value of a ref that is not there. */
export const noCommit = "0000000000000000000000000000000000000000";

/** Blobs and trees by one `git fast-import`, which prints the root tree of a commit that is never kept. */
export async function writeTree(dir: string, index: Index): Promise<string> {
  const ref = `refs/standin/${randomBytes(8).toString("hex")}`;
  const parts: Buffer[] = [Buffer.from(`feature done\ncommit ${ref}\ncommitter x <x> 0 +0000\ndata 0\n\n`)];
  for (const [path, entry] of index) {
    const name = quoted(path);
    if (entry.content === undefined) parts.push(Buffer.from(`M ${entry.mode} ${entry.sha} ${name}\n`));
    else
      parts.push(
        Buffer.from(`M ${entry.mode} inline ${name}\ndata ${entry.content.length}\n`),
        entry.content,
        Buffer.from("\n"),
      );
  }
  parts.push(Buffer.from(`ls ""\nreset ${ref}\nfrom ${noCommit}\n\ndone\n`));
  const output = await gitOutput(dir, ["fast-import", "--quiet", "--date-format=raw"], { input: Buffer.concat(parts) });
  const sha = /^040000 tree ([0-9a-f]{40})/.exec(output.toString("utf8"))?.[1];
  return sha ?? (await gitOutput(dir, ["mktree"])).toString("utf8").trim();
}

/** A path as fast-import reads it: every byte that is not plain becomes an octal escape. */
function quoted(path: string): string {
  const bytes = [...Buffer.from(path)].map((byte) => {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    return isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
  });
  return `"${bytes.join("")}"`;
}

/** The names and dates are cleaned by `git commit-tree` itself, exactly as behind a real Gitea. */
export async function commitTree(
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
  if (code !== 0) throw new Refusal(500, `unable to commit-tree in temporary repo: ${stderr.trim()}`);
  return stdout.toString("utf8").trim();
}

function signature(
  first: z.infer<typeof identity> | undefined,
  second: z.infer<typeof identity> | undefined,
  self: { name: string; email: string },
): { name: string; email: string } {
  return { name: first?.name || second?.name || self.name, email: first?.email || second?.email || self.email };
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
