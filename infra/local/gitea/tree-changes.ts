import * as z from "zod";
import { text } from "./body.ts";
import { maxSize, required } from "./names.ts";
import { invalid, Refusal } from "./refusals.ts";

export const fileChange = z.object({ operation: text, path: text, content: text, sha: text, from_path: text });
export type FileChange = z.infer<typeof fileChange>;

interface IndexEntry {
  mode: string;
  sha: string;
  /** New content; without it the entry is the one that the base commit has. */
  content?: Buffer;
}
export type Index = Map<string, IndexEntry>;

/** What the binding and the handler check before anything is looked up. */
export function checkFiles(files: readonly FileChange[]): void {
  for (const file of files) {
    required("Operation", file.operation);
    required("Path", file.path);
    maxSize("Path", file.path, 500);
  }
  for (const file of files) decode(file.content);
}

function decode(content: string): Buffer {
  const stripped = content.replace(/[\r\n]/g, "");
  if (stripped.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(stripped)) {
    const at = stripped.search(/[^A-Za-z0-9+/=]/);
    throw invalid(`illegal base64 data at input byte ${at < 0 ? Math.floor(stripped.length / 4) * 4 : at}`);
  }
  return Buffer.from(stripped, "base64");
}

/** `a//b`, `a/../b`, `dir/` become `a/b`, `b`, `dir`; nothing may pass through a `.git`. */
export function cleanPath(path: string): string {
  const clean: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") clean.pop();
    else clean.push(part);
  }
  if (clean.length === 0 || clean.some((part) => part.toLowerCase() === ".git")) {
    throw invalid(`path contains a malformed path component [path: ${path}]`);
  }
  return clean.join("/");
}

function leavesRepository(path: string): boolean {
  if (path.startsWith("/")) return true;
  let depth = 0;
  for (const part of path.split("/")) {
    if (part === "..") depth -= 1;
    else if (part !== "" && part !== ".") depth += 1;
    if (depth < 0) return true;
  }
  return false;
}

/** The index after all changes. With a commit below, every file is checked against it before the first is written. */
export function applyFiles(
  base: Index,
  files: readonly FileChange[],
  context: { hasCommit: boolean; fullName: string },
): Index {
  if (context.hasCommit) for (const file of files) checkAgainstCommit(base, file);
  const index: Index = new Map(base);
  for (const file of files) applyOne(index, file, context.fullName);
  return index;
}

function checkAgainstCommit(base: Index, file: FileChange): void {
  const path = cleanPath(file.path);
  const entry = base.get(path);
  if (["update", "upload", "delete", "rename"].includes(file.operation)) {
    if (entry === undefined && file.operation !== "upload") {
      const isDelete = file.operation === "delete";
      throw new Refusal(
        404,
        isDelete ? `repository file does not exist [path: ${path}]` : `object does not exist [id: , rel_path: ${path}]`,
      );
    }
    if (file.sha !== "" && file.sha !== (entry?.sha ?? "")) {
      throw invalid(`sha does not match [given: ${file.sha}, expected: ${entry?.sha ?? ""}]`);
    }
  }
  if (file.operation === "delete") return;
  const parts = path.split("/");
  for (let depth = 1; depth < parts.length; depth += 1) {
    const parent = parts.slice(0, depth).join("/");
    if (base.has(parent)) {
      throw invalid(`a file exists where you’re trying to create a subdirectory [path: ${parent}]`);
    }
  }
  if ([...base.keys()].some((known) => known.startsWith(`${path}/`))) {
    throw invalid(`a directory exists where you’re trying to create a file [path: ${path}]`);
  }
  if (entry !== undefined && file.operation === "create") throw invalid(exists(path));
}

function exists(path: string): string {
  return `repository file already exists [path: ${path}]`;
}

function applyOne(index: Index, file: FileChange, fullName: string): void {
  const path = cleanPath(file.path);
  if (!["create", "update", "upload", "rename", "delete"].includes(file.operation)) {
    throw new Refusal(
      500,
      `invalid file operation: ${file.operation} ${path}, supported operations are create, update, delete`,
    );
  }
  if (leavesRepository(file.path)) {
    throw new Refusal(
      500,
      `LsFiles: Unable to run git ls-files for temporary repo of: ${fullName} Error: exit status 128\nstdout: \n` +
        `stderr: fatal: ${file.path}: '${file.path}' is outside repository at '<temporary repository>'\n`,
    );
  }
  if (file.operation === "delete") {
    if (!index.delete(path)) throw new Refusal(404, `repository file does not exist [path: ${path}]`);
    return;
  }
  const before = index.get(path);
  if (file.operation === "create" && before !== undefined) throw invalid(exists(path));
  index.set(path, { mode: before?.mode ?? "100644", sha: "", content: decode(file.content) });
}
