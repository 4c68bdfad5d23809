import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { openGitea } from "../support/gitea.ts";
import {
  basic,
  fresh,
  idOf,
  itemsIn,
  newOrganisation,
  newPerson,
  newRepository,
  newTeam,
  newToken,
} from "../support/gitea-builders.ts";
import { replay } from "./gitea-recordings.ts";

const gitea = await openGitea();
const folder = await mkdtemp(join(tmpdir(), "hubforge-clones-"));
afterAll(async () => {
  await gitea.stop();
  await rm(folder, { recursive: true, force: true });
});

const run = promisify(execFile);
const environment = {
  PATH: process.env["PATH"],
  HOME: folder,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_TERMINAL_PROMPT: "0",
  LANG: "C",
};
const who = ["-c", "user.name=Alice", "-c", "user.email=alice@example.org"];

/** The real Git program, with this Authorization on every request. */
async function git(as: string, ...args: string[]): Promise<string> {
  const header = ["-c", `http.extraHeader=Authorization: ${as}`];
  const { stdout, stderr } = await run("git", [...header, ...who, ...args], { env: environment });
  return stdout + stderr;
}

const organisation = await newOrganisation(gitea, fresh("ilum-jupyterhub"));
const alice = await newPerson(gitea, fresh("alice"));
const words = { "ilum-jupyterhub": organisation.name, "jupyterhub-alice": "jupyterhub-alice", alice: alice.name };
const path = await newRepository(gitea, organisation, "jupyterhub-alice");
const team = await newTeam(gitea, organisation, "alice");
await gitea.send("PUT", `/api/v1/teams/${team}/members/${alice.name}`);
await gitea.send("PUT", `/api/v1/teams/${team}/repos/${organisation.name}/jupyterhub-alice`);
const body = { message: "first", files: [{ operation: "create", path: "README.md", content: "IyBIZWxsbwo=" }] };
await gitea.send("POST", `${path}/contents`, { body });
const token = await newToken(gitea, alice.name, ["write:repository"]);
const cloneUrl = `${gitea.url}/${organisation.name}/jupyterhub-alice.git`;
const advertisement = `/${organisation.name}/jupyterhub-alice.git/info/refs?service=git-upload-pack`;

describe("Git's own requests", () => {
  it.each([
    ["the token as password of any name", basic("hubforge", token)],
    ["the token as name, without password", basic(token, "")],
    ["the token as name, with x-oauth-basic", basic(token, "x-oauth-basic")],
    ["a token header", `token ${token}`],
    ["a bearer header", `Bearer ${token}`],
    ["a password", alice.basic],
  ])("are let in with %s", async (_what, as) => {
    const answer = await gitea.send("GET", advertisement, { as });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("application/x-git-upload-pack-advertisement");
  });

  it("are refused without or with wrong credentials, and 404 without a right", async () => {
    const anonymous = await replay(gitea, "git wire: anonymous, private repo", { words });
    expect(anonymous.headers.get("www-authenticate")).toMatch(/^Basic realm=/);
    const wrong = await replay(gitea, "git wire: wrong password", { words, as: basic(alice.name, "nope") });
    expect(wrong.headers.get("www-authenticate")).toBeNull();
    await replay(gitea, "git wire: non-member", { words, as: (await newPerson(gitea)).basic });
    await replay(gitea, "git wire: unknown repo", {
      words: { ...words, nosuch: fresh("nosuch") },
      as: basic("x", token),
    });
  });

  it("are led on from a renamed repository with 301", async () => {
    const old = await newRepository(gitea, organisation, "ren-old");
    await gitea.send("PATCH", old, { body: { name: "ren-new" } });
    await replay(gitea, "git wire: renamed repo", { words });
  });

  it("of a blocked person are answered with a page and 200, or 401 for a password", async () => {
    const change = (fields: object) =>
      gitea.send("PATCH", `/api/v1/admin/users/${alice.name}`, { body: { login_name: alice.name, ...fields } });
    const as = basic("hubforge", token);
    await change({ prohibit_login: true });
    await replay(gitea, "git wire: prohibit_login, token", { words, as });
    await replay(gitea, "git wire: prohibit_login, token, receive-pack", { words, as });
    await replay(gitea, "git wire: prohibit_login, LDAP password", { words, as: alice.basic });
    await change({ prohibit_login: false, must_change_password: true });
    await replay(gitea, "git wire: must_change_password, token", { words, as });
    await change({ must_change_password: false });
  });

  it("with a token of another scope do not get in", async () => {
    const user = await newToken(gitea, alice.name, ["write:user"]);
    expect((await gitea.send("GET", advertisement, { as: basic("hubforge", user) })).status).toBe(403);
  });

  it("end at once with the membership, and with the token", async () => {
    const bob = await newPerson(gitea);
    await gitea.send("PUT", `/api/v1/teams/${team}/members/${bob.name}`);
    const secret = await newToken(gitea, bob.name, ["write:repository"]);
    const status = async () => (await gitea.send("GET", advertisement, { as: basic("hubforge", secret) })).status;
    expect(await status()).toBe(200);
    await gitea.send("DELETE", `/api/v1/teams/${team}/members/${bob.name}`);
    expect(await status()).toBe(404);
    const list = await gitea.send("GET", `/api/v1/users/${bob.name}/tokens`, { as: basic(gitea.service, gitea.token) });
    const [minted] = itemsIn(list);
    await gitea.send("DELETE", `/api/v1/users/${bob.name}/tokens/${minted?.name}`, {
      as: basic(gitea.service, gitea.token),
    });
    expect(await status()).toBe(401);
  });
});

describe("a person with Git", () => {
  it("clones, commits and pushes with a write:repository token", async () => {
    const work = join(folder, "work");
    const as = basic("hubforge", token);
    await git(as, "clone", "-q", cloneUrl, work);
    await writeFile(join(work, "mine.txt"), "mine\n");
    await git(as, "-C", work, "add", ".");
    await git(as, "-C", work, "commit", "-qm", "mine");
    await git(as, "-C", work, "push", "-q");
    const sha = (await git(as, "-C", work, "rev-parse", "HEAD")).trim();
    const commit = await gitea.send("GET", `${path}/git/commits/main`);
    expect(commit.body).toMatchObject({ sha, commit: { message: "mine\n", author: { name: "Alice" } } });
  });

  it("only clones with a read:repository token", async () => {
    const as = basic("hubforge", await newToken(gitea, alice.name, ["read:repository"]));
    const work = join(folder, "read-only");
    await git(as, "clone", "-q", cloneUrl, work);
    await git(as, "-C", work, "commit", "-q", "--allow-empty", "-m", "no");
    await expect(git(as, "-C", work, "push", "-q")).rejects.toThrow();
  });

  it("in a read team is refused by the server's hook", async () => {
    const carol = await newPerson(gitea);
    const readers = { name: "readers", permission: "read", units_map: { "repo.code": "read" } };
    const made = await gitea.send("POST", `${organisation.path}/teams`, { body: readers });
    const id = idOf(made);
    await gitea.send("PUT", `/api/v1/teams/${id}/members/${carol.name}`);
    await gitea.send("PUT", `/api/v1/teams/${id}/repos/${organisation.name}/jupyterhub-alice`);
    const work = join(folder, "reader");
    await git(carol.basic, "clone", "-q", cloneUrl, work);
    await git(carol.basic, "-C", work, "commit", "-q", "--allow-empty", "-m", "no");
    await expect(git(carol.basic, "-C", work, "push", "-q")).rejects.toThrow(
      /User permission denied for writing|pre-receive/,
    );
  });

  it("finds a clone of an empty repository, and fills it by a push, which shows a moment later", async () => {
    const empty = await newRepository(gitea, organisation, "pushed");
    await gitea.send("PUT", `/api/v1/teams/${team}/repos/${organisation.name}/pushed`);
    const as = basic("hubforge", token);
    const work = join(folder, "pushed");
    await git(as, "clone", "-q", `${gitea.url}/${organisation.name}/pushed.git`, work);
    await git(as, "-C", work, "commit", "-q", "--allow-empty", "-m", "hers");
    await git(as, "-C", work, "push", "-q", "origin", "HEAD:main");
    await expect
      .poll(async () => (await gitea.send("GET", empty)).body, { timeout: 5000 })
      .toMatchObject({ empty: false });
    expect(await gitea.send("GET", `${empty}/branches`)).toMatchObject({ status: 200, body: [{ name: "main" }] });
  });

  it("who pushes first finds our files on top of hers, not in their place", async () => {
    const empty = await newRepository(gitea, organisation, "gap");
    await gitea.send("PUT", `/api/v1/teams/${team}/repos/${organisation.name}/gap`);
    const as = basic("hubforge", token);
    const work = join(folder, "gap");
    await git(as, "clone", "-q", `${gitea.url}/${organisation.name}/gap.git`, work);
    await git(as, "-C", work, "commit", "-q", "--allow-empty", "-m", "hers");
    await git(as, "-C", work, "push", "-q", "origin", "HEAD:main");
    const hers = (await git(as, "-C", work, "rev-parse", "HEAD")).trim();
    const ours = await gitea.send("POST", `${empty}/contents`, { body });
    expect(ours).toMatchObject({ status: 201, body: { commit: { parents: [{ sha: hers }] } } });
    expect((await gitea.send("GET", empty)).body).toMatchObject({ empty: false });
  });
});
