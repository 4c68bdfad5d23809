import { afterAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { openGitea } from "../support/gitea.ts";
import { fresh, itemsIn, newOrganisation, newPerson, newRepository } from "../support/gitea-builders.ts";
import { replay } from "./gitea-recordings.ts";

const gitea = await openGitea();
afterAll(() => gitea.stop());

const organisation = await newOrganisation(gitea, fresh("ilum-jupyterhub"));
const words = { "ilum-jupyterhub": organisation.name };

/** The account that a commit's mail belongs to: alice@example.org may be anybody's on a real instance, or nobody's. */
const people = ["author", "committer"];

const make = (name: string) => newRepository(gitea, organisation, name);
describe("a commit that can't be made", async () => {
  const scratch = await make("scratch");
  const refused = [
    "contents: bad base64",
    "contents: unknown operation",
    "contents: the same path twice",
    "contents: path ../x",
    "contents: path /abs",
    "contents: path .git/config",
  ];

  it.each(refused)("writes nothing: «%s»", async (name) => {
    await replay(gitea, name, { words });
    expect((await gitea.send("GET", scratch)).body).toMatchObject({ empty: true });
  });

  it("writes nothing: a path of 501 characters, no list of files", async () => {
    const files = [{ operation: "create", path: "a".repeat(501), content: "eA==" }];
    await replay(gitea, "contents: path 501 characters", { words, body: { message: "x", files } });
    await make("nofiles");
    await replay(gitea, "contents: files omitted", { words });
  });
});

describe("paths", () => {
  it("are cleaned, each commit on top of the one before", async () => {
    await newRepository(gitea, organisation, "paths");
    const path = `/api/v1/repos/${organisation.name}/paths/contents`;
    await replay(gitea, "contents: path a//b", { words, path });
    await replay(gitea, "contents: path a/../b", { words, path });
    await replay(gitea, "contents: path dir/", { words, path });
  });
});

describe("the starter files", async () => {
  await make("jupyterhub-alice");

  it("are one commit with the recorded SHA and tree", async () => {
    const answer = await replay(gitea, "contents: first commit, 4 files, empty repo", { words });
    expect(answer.body).toMatchObject({ commit: { sha: "3441cf7bcc55fd806395df5882ff67effeee5400" } });
    await replay(gitea, "repo: GET right after the first commit", { words, except: ["description"] });
  });

  it("are refused the second time, all or nothing", async () => {
    await replay(gitea, "contents: identical second request", { words });
    await replay(gitea, "contents: one new, one existing file", { words });
    await replay(gitea, "contents: nothing of a refused request is written", { words });
  });

  it("are read back as commits, whose tree has the commit's SHA", async () => {
    await replay(gitea, "commits: after the first commit", { words, except: people });
    await replay(gitea, "commits: lean", { words, except: people });
    await replay(gitea, "commit: by sha", { words, except: people });
    await replay(gitea, "commit: unknown sha", { words });
    await replay(gitea, "branch: main", { words, except: ["username"] });
  });

  it("are read back as trees and files", async () => {
    const tree = await replay(gitea, "tree: recursive", { words });
    expect(tree.headers.get("x-total-count")).toBe("6");
    await replay(gitea, "contents: GET file", { words });
    await replay(gitea, "contents: GET root", { words });
    await replay(gitea, "contents: raw", { words });
  });

  it("can be uploaded again, updated, and put on other branches, by commits with the recorded SHAs", async () => {
    await replay(gitea, "contents: upload of an identical file (empty diff)", { words });
    await replay(gitea, "contents: update without sha", { words });
    await replay(gitea, "contents: update with a wrong sha", { words });
    await replay(gitea, "contents: update with sha", { words });
    await replay(gitea, "contents: delete a missing file", { words });
    await replay(gitea, "contents: unknown branch", { words });
    await replay(gitea, "contents: new_branch", { words });
    await replay(gitea, "contents: new_branch exists", { words });
    await replay(gitea, "contents: new_branch equal to the default branch", { words });
    await replay(gitea, "contents: single-file POST", { words });
    await replay(gitea, "contents: single-file POST again", { words });
  });
});

describe("the first commit of an empty repository", () => {
  it("may be without any file, and takes the service as author", async () => {
    const path = await make("nofiles-2");
    const body = { message: "x", files: [] };
    const answer = await gitea.send("POST", `${path}/contents`, { body });
    expect(answer).toMatchObject({ status: 201, body: { commit: { parents: [], message: "x\n" } } });
    expect((await gitea.send("GET", path)).body).toMatchObject({ empty: false });
  });

  it("makes its branch the default one", async () => {
    await make("nb");
    await make("nb2");
    await replay(gitea, "contents: empty repo, branch other than default", { words });
    await replay(gitea, "contents: empty repo, new_branch", { words });
    await replay(gitea, "repo: default branch after new_branch on empty", { words });
  });

  it("is in the way of the starter files when Gitea made it itself", async () => {
    await replay(gitea, "repo: create with auto_init", { words });
    await replay(gitea, "commits: of auto_init", { words, except: [...people, "sha"] });
    await replay(gitea, "contents: create README.md after auto_init", { words });
  });
});

describe("who wrote a commit", async () => {
  const path = await make("defauthor");
  const alice = await newPerson(gitea, fresh("alice"));
  const mine = { ...words, "alice@example.org": alice.mail, alice: alice.name };
  const dated = ["sha", "last_commit_sha", "date", "parents", "url", "html_url", "email", "name"];
  const latest = async () => itemsIn(await gitea.send("GET", `${path}/commits?limit=1&stat=false&files=false`))[0];

  it("is the service when nobody is named, with a message from the paths when there is none", async () => {
    await replay(gitea, "contents: no author, no dates", { words: mine, except: dated });
    await replay(gitea, "contents: no message", { words: mine, except: dated });
    expect(await latest()).toMatchObject({ author: { login: gitea.service }, committer: { login: gitea.service } });
  });

  it("is the author alone when only an author is named", async () => {
    await replay(gitea, "contents: author only", { words: mine, except: dated });
    expect(await latest()).toMatchObject({
      commit: { author: { email: alice.mail }, committer: { email: alice.mail } },
      author: { login: alice.name },
      committer: { login: alice.name },
    });
  });

  it("is shown as an account only where the mail is somebody's", async () => {
    await replay(gitea, "contents: author unknown to Gitea", { words: mine, except: dated });
    expect(await latest()).toMatchObject({ author: null, committer: null, commit: { author: { name: "Nobody" } } });
  });

  it("is the person under Sudo, and the pusher too; a named author alone leaves the service as pusher", async () => {
    const repository = await make("sudo1");
    const feed = async () => itemsIn(await gitea.send("GET", `${repository}/activities/feeds?limit=5`));
    await replay(gitea, "sudo: contents as a person without access", { words: mine });
    const write = { permission: "write" };
    await gitea.send("PUT", `${repository}/collaborators/${alice.name}`, { body: write });
    const sudo = await replay(gitea, "sudo: contents as the person", { words: mine, except: dated });
    expect(sudo.body).toMatchObject({ commit: { author: { email: alice.mail }, committer: { email: alice.mail } } });
    await replay(gitea, "no sudo: contents with author alice", { words: mine, except: dated });
    await expect
      .poll(async () => (await feed())[0], { timeout: 5000 })
      .toMatchObject({ op_type: "commit_repo", act_user: { login: gitea.service }, ref_name: "refs/heads/main" });
    const actors = (await feed()).map((entry) => z.object({ login: z.string() }).parse(entry["act_user"]).login);
    expect(new Set(actors)).toEqual(new Set([gitea.service, alice.name]));
  });

  it("is cleaned by Git where a name has what Git does not want in it", async () => {
    const repository = await make("crud");
    const author = { name: " John <b> Smith Jr.;", email: "j@example.org" };
    const files = [{ operation: "create", path: "a", content: "" }];
    const answer = await gitea.send("POST", `${repository}/contents`, { body: { message: " m \n\n", files, author } });
    expect(answer.body).toMatchObject({ commit: { author: { name: "John b Smith Jr" }, message: "m\n" } });
  });
});

describe("a big file", () => {
  it("is committed, but not echoed beyond ten megabytes", async () => {
    const path = await make("big");
    const content = Buffer.alloc(11_000_000, "x").toString("base64");
    const files = [{ operation: "create", path: "big", content }];
    const answer = await gitea.send("POST", `${path}/contents`, { body: { message: "big", files } });
    expect(answer).toMatchObject({
      status: 201,
      body: { files: [{ size: 11_000_000, content: null, encoding: null }] },
    });
  });
});
