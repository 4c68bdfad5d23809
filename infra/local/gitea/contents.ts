import { type Context, Hono } from "hono";
import * as z from "zod";
import { readBody, text } from "./body.ts";
import { commitOptions, type WriteFiles } from "./commit-tree.ts";
import { commitView } from "./commit-view.ts";
import { type Env, signedIn } from "./door.ts";
import { fileView, unsigned } from "./files.ts";
import { type Found, param, repositoryOr404 } from "./lookup.ts";
import { invalid, json, Refusal } from "./refusals.ts";
import { isAtLeast } from "./rights.ts";
import type { Account } from "./rows.ts";
import { checkFiles, fileChange } from "./tree-changes.ts";
import { now, repositoryDir, type World } from "./world.ts";
import { type Written, writeFiles } from "./write-files.ts";

const changeFiles = z.object({ ...commitOptions, files: z.array(fileChange).optional() });
const oneFile = z.object({ ...commitOptions, content: text, sha: text });

/** POST `…/contents`: many files, one commit; and the single-file form. */
export function contents(world: World): Hono<Env> {
  const app = new Hono<Env>();

  app.post("/repos/:owner/:repo/contents", async (c) => {
    const { doer, found } = writableDoor(c);
    const form = await readBody(c, "ChangeFilesOptions", changeFiles);
    if (form.files === undefined) throw invalid("[Files]: Required");
    checkFiles(form.files);
    requireWrite(found);
    const written = await write(found, doer, { ...form, files: form.files });
    const views: (object | null)[] = [];
    for (const [position, path] of written.paths.entries()) {
      const isGone = form.files[position]?.operation === "delete";
      views.push(isGone ? null : await fileView(world, found, { ref: written.branch, commit: written.sha, path }));
    }
    return json(c, { files: views, ...(await answer(found, written)) }, 201);
  });

  for (const [method, operation] of [
    ["POST", "create"],
    ["PUT", "update"],
  ] as const) {
    app.on(method, "/repos/:owner/:repo/contents/:path{.+}", async (c) => {
      const { doer, found } = writableDoor(c);
      const form = await readBody(c, "CreateFileOptions", oneFile);
      const file = { operation, path: param(c, "path"), content: form.content, sha: form.sha, from_path: "" };
      checkFiles([file]);
      requireWrite(found);
      const written = await write(found, doer, { ...form, files: [file] });
      const path = written.paths[0] ?? "";
      const content = await fileView(world, found, { ref: written.branch, commit: written.sha, path });
      return json(c, { content, ...(await answer(found, written)) }, method === "POST" ? 201 : 200);
    });
  }

  function writableDoor(c: Context<Env>): { doer: Account; found: Found } {
    const doer = signedIn(c, "repository");
    const found = repositoryOr404(c, doer);
    if (found.repository.isArchived) throw new Refusal(423, `${found.fullName} is not allowed to edit`);
    return { doer, found };
  }

  function requireWrite(found: Found): void {
    if (!isAtLeast(found.rights.code, "write")) {
      throw new Refusal(403, "user should have a permission to write to the target branch");
    }
  }

  async function write(found: Found, doer: Account, form: WriteFiles): Promise<Written> {
    const written = await writeFiles(world, found.repository, doer, form);
    const { id } = found.repository;
    const feed = { repositoryId: id, actorId: doer.id, ref: `refs/heads/${written.branch}`, createdAt: now() };
    if (found.repository.isEmpty) world.activities.insert({ ...feed, operation: "commit_repo", content: "" });
    const commits = JSON.stringify({ Commits: [{ Sha1: written.sha, Message: `${form.message.trim()}\n` }], Len: 1 });
    world.activities.insert({ ...feed, operation: "commit_repo", content: commits });
    return written;
  }

  async function answer(found: Found, written: Written): Promise<object> {
    const commit = await commitView(world, found, repositoryDir(world, found.repository), written.sha);
    return { commit, verification: unsigned };
  }

  return app;
}
