import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cleanGitName, cleanPath, firstCommit } from "#shared/git-objects.ts";

const alice = { name: "Alice Example", email: "alice@example.org" };
const hubforge = { name: "hubforge", email: "ilum@ilum" };
const date = new Date("2026-01-02T03:04:05Z");
const message = "Starter files\n\nHubforge-Event: e1";
const file = (path: string, text: string) => ({ path, content: Buffer.from(text) });

describe("a first commit recorded from a real Gitea", () => {
  const recorded = [
    file("README.md", "# Hello\n"),
    file("IlumIntro.ipynb", '{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}\n'),
    file("work/.gitkeep", ""),
    file("examples/spark pi ü.py", "print(1)\n"),
  ];

  it("has the ids that Gitea answered, for four files and for the first alone", () => {
    const commit = { message, author: alice, committer: hubforge, date };
    expect(firstCommit({ ...commit, files: recorded })).toEqual({
      treeSha: "f36720ed6addff97e113f3bbd13417dca7d66341",
      sha: "3441cf7bcc55fd806395df5882ff67effeee5400",
    });
    expect(firstCommit({ ...commit, files: recorded.slice(0, 1) })).toEqual({
      treeSha: "89807efe1600c4786b7f695c30a8d13438baf314",
      sha: "178bd683f88b521fff1381e03c08534971493f50",
    });
  });

  it("does not depend on the order of files, on fractions of a second, or on blank lines around the message", () => {
    const commit = { message, author: alice, committer: hubforge, date, files: recorded };
    const wanted = firstCommit(commit);
    expect(firstCommit({ ...commit, files: recorded.toReversed() })).toEqual(wanted);
    expect(firstCommit({ ...commit, date: new Date(date.getTime() + 999) })).toEqual(wanted);
    expect(firstCommit({ ...commit, message: `\n${message}\n\n` })).toEqual(wanted);
  });
});

describe("cleaning", () => {
  it.each([
    ["John Smith Jr.", "John Smith Jr"],
    ["O'Neil, A.", "O'Neil, A"],
    [" J <b> x;", "J b x"],
    ["Żółć", "Żółć"],
    ["\tAda\nLovelace\u0000", "AdaLovelace"],
    [`.,:;<>"\\' `, ""],
  ])("makes the name %j what Git writes: %j", (name, cleaned) => {
    expect(cleanGitName(name)).toBe(cleaned);
  });

  it.each([
    ["a//b", "a/b"],
    ["a/../b", "b"],
    ["dir/", "dir"],
    ["./a", "a"],
    ["a/./b", "a/b"],
    [".sparkmagic/config.json", ".sparkmagic/config.json"],
  ])("makes the path %j what Gitea stores: %j", (path, cleaned) => {
    expect(cleanPath(path)).toBe(cleaned);
  });

  it("refuses two files in one place, and a file where a folder is", () => {
    const commit = { message, author: alice, committer: hubforge, date };
    for (const paths of [["a//b", "a/b"], ["a", "a/b"], ["a/b", "a"], ["a/.."]]) {
      const files = paths.map((path) => file(path, path));
      expect(() => firstCommit({ ...commit, files })).toThrow(expect.objectContaining({ code: "template.paths" }));
    }
  });
});

describe("the git program", () => {
  let repository: string;
  beforeAll(() => {
    repository = mkdtempSync(join(tmpdir(), "hubforge-git-"));
    git(["init", "-q"]);
  });
  afterAll(() => rmSync(repository, { recursive: true, force: true }));

  /** No configuration of the machine counts: a commit is what its input says. */
  function git(words: string[], input: string | Uint8Array = "", env: Record<string, string> = {}): string {
    const { PATH = "" } = process.env;
    const alone = {
      PATH,
      HOME: repository,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_INDEX_FILE: join(repository, "index"),
      ...env,
    };
    return execFileSync("git", ["-C", repository, ...words], { input, env: alone, encoding: "utf8" }).trim();
  }

  function commitByGit({ files, message, author, committer, date }: Parameters<typeof firstCommit>[0]) {
    rmSync(join(repository, "index"), { force: true });
    const entries = files.map(({ path, content }) => {
      const id = git(["hash-object", "-w", "--stdin"], content);
      return `100644 ${id}\t${path}\0`;
    });
    git(["update-index", "-z", "--index-info"], entries.join(""));
    const treeSha = git(["write-tree"]);
    const seconds = `@${Math.floor(date.getTime() / 1000)} +0000`;
    const sha = git(["commit-tree", treeSha], `${message.trim()}\n`, {
      GIT_AUTHOR_NAME: author.name,
      GIT_AUTHOR_EMAIL: author.email,
      GIT_AUTHOR_DATE: seconds,
      GIT_COMMITTER_NAME: committer.name,
      GIT_COMMITTER_EMAIL: committer.email,
      GIT_COMMITTER_DATE: seconds,
    });
    return { sha, treeSha };
  }

  it("makes the same trees and commits, whatever the names, paths and contents", () => {
    const segment = fc.constantFrom(
      "a",
      "a.b",
      "a-",
      "a0",
      "A",
      "b",
      "ü",
      "日本",
      "z z",
      ".hidden",
      "\u{1f600}",
      "\uffee",
    );
    const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
    const files = fc
      .uniqueArray(fc.record({ path, content: fc.uint8Array({ maxLength: 60 }) }), {
        selector: (one) => one.path,
        minLength: 1,
      })
      .map((all) => all.filter((one) => !all.some((other) => other.path.startsWith(`${one.path}/`))));
    const name = fc
      .array(
        fc.constantFrom("Ada", " ", ".", ",", "'", '"', "\\", "<", ">", ":", ";", "\n", "\t", "\r", "ü", "\u00a0"),
        { minLength: 1 },
      )
      .map((pieces) => pieces.join(""))
      .filter((text) => /Ada|ü/.test(text));
    const message = fc.constantFrom(
      "Add starter notebooks\n\nHubforge-Delivery: e1",
      "ü",
      "two\n\n\nparagraphs\n",
      "# not a comment",
    );
    const commit = fc.record({
      files,
      message,
      author: fc.record({ name, email: fc.constantFrom("ada@uni.example", " <ada@uni.example>. ", "ü@x") }),
      committer: fc.constant(hubforge),
      date: fc.date({ min: new Date("2001-10-01"), max: new Date("2099-01-01"), noInvalidDate: true }),
    });
    fc.assert(
      fc.property(commit, (wanted) => {
        expect(firstCommit(wanted)).toEqual(commitByGit(wanted));
      }),
      { numRuns: 25 },
    );
  });
});
