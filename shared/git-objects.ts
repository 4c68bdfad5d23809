import { createHash } from "node:crypto";
import { posix } from "node:path";
import { Permanent } from "./errors.ts";

type Person = { name: string; email: string };
type Commit = {
  files: readonly { path: string; content: Uint8Array }[];
  message: string;
  author: Person;
  committer: Person;
  /** Second precision, in UTC. */
  date: Date;
};
type Folder = Map<string, Folder | Uint8Array>;

/**
 * The SHA-1 ids that Git gives to a repository's first commit of `files`, as Gitea's contents API makes it: unsigned, mode
 * 100644 throughout, names, paths and message cleaned as Git and Gitea clean them (gitea/README.md §8).
 * @throws Permanent `template.paths` when two files have one place
 */
export function firstCommit(commit: Commit): { sha: string; treeSha: string } {
  const treeSha = treeId(folderOf(commit.files)).toString("hex");
  const seconds = Math.floor(commit.date.getTime() / 1000);
  const line = ({ name, email }: Person) => `${cleanGitName(name)} <${cleanGitName(email)}> ${seconds} +0000`;
  const text = [
    `tree ${treeSha}`,
    `author ${line(commit.author)}`,
    `committer ${line(commit.committer)}`,
    "",
    `${commit.message.trim()}\n`,
  ].join("\n");
  return { sha: objectId("commit", Buffer.from(text)).toString("hex"), treeSha };
}

/**
 * A name or mail as Git writes it into a commit (`ident.c`): both ends lose blanks, control characters and punctuation.
 * Empty when nothing is left, and then Git refuses to commit.
 */
export function cleanGitName(name: string): string {
  return name.replace(/^[\0- .,:;<>"\\']+|[\0- .,:;<>"\\']+$/g, "").replace(/[\n<>]/g, "");
}

/** A path as Gitea stores it: `a//b`, `a/../b` and `dir/` become `a/b`, `b` and `dir` (gitea/README.md §4). */
export function cleanPath(path: string): string {
  return posix.normalize(`/${path}`).replace(/^\/|\/$/g, "");
}

/** The id of a file's content. */
export function blobId(content: Uint8Array): string {
  return objectId("blob", content).toString("hex");
}

function folderOf(files: Commit["files"]): Folder {
  const root: Folder = new Map();
  for (const { path, content } of files) {
    const names = cleanPath(path).split("/");
    const last = names.pop() ?? "";
    let folder = root;
    for (const name of names) {
      const inner = folder.get(name) ?? new Map();
      if (!(inner instanceof Map)) throw twice(path);
      folder.set(name, inner);
      folder = inner;
    }
    if (last === "" || folder.has(last)) throw twice(path);
    folder.set(last, content);
  }
  return root;
}

function twice(path: string): Permanent {
  return new Permanent("template.paths", `starter file ${JSON.stringify(path)} has no place of its own`);
}

/** Entries are sorted by bytes, folders as if their name ended in a slash. */
function treeId(folder: Folder): Buffer {
  const entries = [...folder].map(([name, content]) =>
    content instanceof Map
      ? { mode: "40000", name, place: Buffer.from(`${name}/`), id: treeId(content) }
      : { mode: "100644", name, place: Buffer.from(name), id: objectId("blob", content) },
  );
  entries.sort((one, two) => Buffer.compare(one.place, two.place));
  return objectId(
    "tree",
    Buffer.concat(entries.flatMap(({ mode, name, id }) => [Buffer.from(`${mode} ${name}\0`), id])),
  );
}

function objectId(type: "blob" | "tree" | "commit", content: Uint8Array): Buffer {
  return createHash("sha1").update(`${type} ${content.byteLength}\0`).update(content).digest();
}
