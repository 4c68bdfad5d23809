import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { type Gitea, startGitea } from "../infra/local/gitea/server.ts";
import { startSlapd } from "../infra/local/slapd.ts";
import { SUFFIX } from "../infra/local/slapd-folder.ts";
import { replay } from "./contract/gitea-recordings.ts";
import {
  basic,
  fresh,
  type GiteaUnderTest,
  idOf,
  newOrganisation,
  newPerson,
  newRepository,
  newToken,
  underTest,
} from "./support/gitea.ts";

/** What only the stand-in can do. What a real Gitea does too is in `contract/`. */

const folder = await mkdtemp(join(tmpdir(), "hubforge-stand-in-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const first = {
  message: "Starter files\n\nHubforge-Event: e1",
  files: [{ operation: "create", path: "README.md", content: "IyBIZWxsbwo=" }],
  author: { name: "Alice Example", email: "alice@example.org" },
  committer: { name: "hubforge", email: "ilum@ilum" },
  dates: { author: "2026-01-02T03:04:05Z", committer: "2026-01-02T03:04:05Z" },
};
const run = promisify(execFile);
const git = (...args: string[]) => run("git", args, { env: { PATH: process.env["PATH"], HOME: folder } });

const asUpload = { ...first, files: first.files.map((file) => ({ ...file, operation: "upload" })) };

function asTested(gitea: Gitea): Promise<GiteaUnderTest> {
  return underTest({ ...gitea, ldapUrl: undefined, stop: () => gitea.stop() });
}

describe("a stand-in in its own process", () => {
  const readySchema = z.object({ url: z.string(), token: z.string(), sourceId: z.number() });
  const dir = join(folder, "process");
  const children: ChildProcess[] = [];
  afterAll(() => children.map((child) => child.kill("SIGKILL")));

  async function start(port = 0): Promise<{ child: ChildProcess; gitea: GiteaUnderTest; url: string }> {
    const main = new URL("../infra/local/gitea/main.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, [main, "--dir", dir, "--port", String(port)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const [line] = await once(createInterface(child.stdout), "line");
    const ready = readySchema.parse(JSON.parse(String(line)));
    const gitea = await underTest({ ...ready, ldapUrl: undefined, stop: async () => undefined });
    return { child, gitea, url: ready.url };
  }

  async function kill(child: ChildProcess): Promise<void> {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  it("is the same Gitea after kill -9: rows, ids, repositories and the token are there", async () => {
    const before = await start();
    const organisation = await newOrganisation(before.gitea);
    const path = await newRepository(before.gitea, organisation, "kept");
    await before.gitea.send("POST", `${path}/contents`, { body: first });
    const person = await newPerson(before.gitea);
    const lost = idOf(await before.gitea.send("GET", `/api/v1/users/${person.name}`));
    await before.gitea.send("DELETE", `/api/v1/admin/users/${person.name}`);
    await kill(before.child);
    await appendFile(join(dir, "journal.jsonl"), '{"table":"account","id":9');
    const after = await start(Number(new URL(before.url).port));
    expect(after.gitea.token).toBe(before.gitea.token);
    const commits = await after.gitea.send("GET", `${path}/commits?limit=1`);
    expect(commits.body).toMatchObject([{ sha: "178bd683f88b521fff1381e03c08534971493f50" }]);
    const next = await newPerson(after.gitea);
    expect(idOf(await after.gitea.send("GET", `/api/v1/users/${next.name}`))).toBe(lost + 1);
    await kill(after.child);
  });

  it("dies where a switch says, and leaves what a killed Gitea leaves", async () => {
    const states = {
      "repository.row": { create: 409, contents: 404 },
      "repository.directory": { create: 409, contents: 201 },
      "contents.ref": { create: 409, contents: 422 },
    } as const;
    for (const [stopAt, expected] of Object.entries(states)) {
      const before = await start();
      const organisation = await newOrganisation(before.gitea);
      const path = `/api/v1/repos/${organisation.name}/half`;
      await before.gitea.send("PATCH", "/_lab/switches", { body: { stopAt } });
      const gone = once(before.child, "exit");
      const create = { body: { name: "half", private: true, default_branch: "main" } };
      const work = async () => {
        await before.gitea.send("POST", `${organisation.path}/repos`, create);
        await before.gitea.send("POST", `${path}/contents`, { body: first });
      };
      await expect(work()).rejects.toThrow();
      await gone;
      const { child, gitea } = await start();
      expect(await gitea.send("GET", path)).toMatchObject({ status: 200, body: { empty: true } });
      expect((await gitea.send("POST", `${organisation.path}/repos`, create)).status).toBe(expected.create);
      expect((await gitea.send("POST", `${path}/contents`, { body: first })).status).toBe(expected.contents);
      await kill(child);
    }
  });
});

describe("a fault", async () => {
  const gitea = await startGitea({ dir: join(folder, "faults") });
  afterAll(() => gitea.stop());
  const { send } = await asTested(gitea);
  const version = () => send("GET", "/api/v1/version");
  beforeEach(() => {
    gitea.faults.clear();
    gitea.requests.splice(0);
  });

  it("answers in Gitea's place, once, with status, body and headers", async () => {
    gitea.faults.add({ path: "/version", status: 503, body: { message: "busy" }, headers: { "retry-after": "7" } });
    const answer = await version();
    expect(answer).toMatchObject({ status: 503, body: { message: "busy" } });
    expect(answer.headers.get("retry-after")).toBe("7");
    expect((await version()).status).toBe(200);
  });

  it("hits the nth request, some times, or always, by method and pattern", async () => {
    gitea.faults.add({ method: "GET", pattern: "version$", nth: 2, times: 2, status: 500 });
    const statuses = async (times: number) => {
      const seen: number[] = [];
      for (let at = 0; at < times; at += 1) seen.push((await version()).status);
      return seen;
    };
    expect(await statuses(5)).toEqual([200, 500, 500, 200, 200]);
    gitea.faults.clear();
    gitea.faults.add({ method: "POST", path: "/version", times: "always", status: 500 });
    expect(await statuses(2)).toEqual([200, 200]);
  });

  it("cuts the connection before the effect or after it", async () => {
    const create = (username: string) => send("POST", "/api/v1/orgs", { body: { username } });
    gitea.faults.add({ method: "POST", path: "/orgs", drop: "before" });
    await expect(create("before")).rejects.toThrow("fetch failed");
    expect((await send("GET", "/api/v1/orgs/before")).status).toBe(404);
    gitea.faults.add({ method: "POST", path: "/orgs", drop: "after" });
    await expect(create("after")).rejects.toThrow("fetch failed");
    expect((await send("GET", "/api/v1/orgs/after")).status).toBe(200);
    expect(gitea.requests.map((request) => request.status)).toEqual([0, 404, 0, 200]);
  });

  it("cuts the answer in the middle, sends a page as a proxy would, or comes late", async () => {
    gitea.faults.add({ path: "/version", cutAfterBytes: 5 });
    await expect(version()).rejects.toThrow();
    gitea.faults.add({ path: "/version", status: 502, html: true });
    expect(await version()).toMatchObject({ status: 502, body: expect.stringContaining("<html>") });
    for (const field of ["delayMilliseconds", "lateMilliseconds"] as const) {
      gitea.faults.add({ path: "/version", [field]: 60 });
      const startedAt = performance.now();
      expect((await version()).status).toBe(200);
      expect(performance.now() - startedAt).toBeGreaterThan(50);
    }
  });

  it("leaves a late effect behind when the caller has given up", async () => {
    gitea.faults.add({ method: "POST", path: "/orgs", lateMilliseconds: 500 });
    const body = JSON.stringify({ username: "given-up" });
    const headers = { authorization: `token ${gitea.token}`, "content-type": "application/json" };
    const signal = AbortSignal.timeout(100);
    await expect(fetch(`${gitea.url}/api/v1/orgs`, { method: "POST", headers, body, signal })).rejects.toThrow();
    expect((await send("GET", "/api/v1/orgs/given-up")).status).toBe(200);
  });

  it("can be asked for over HTTP, by Sudo too, and every request is on record", async () => {
    const added = await send("POST", "/_lab/faults", { body: [{ path: "/user", sudo: "ada", status: 418 }] });
    expect(added).toMatchObject({ status: 201, body: [{ path: "/user", sudo: "ada", seen: 0, hit: 0 }] });
    expect((await send("GET", "/api/v1/user")).status).toBe(200);
    expect((await send("GET", "/api/v1/user", { sudo: "ada" })).status).toBe(418);
    await send("DELETE", "/_lab/faults");
    expect((await send("GET", "/api/v1/user", { sudo: "ada" })).status).toBe(404);
    const log = await send("GET", "/_lab/requests");
    expect(log.body).toMatchObject({
      count: 3,
      writes: 0,
      requests: [{ doer: "svc" }, { status: 418, sudo: "ada", isFault: true }, {}],
    });
    await send("DELETE", "/_lab/requests");
    expect((await send("GET", "/_lab/requests")).body).toMatchObject({ count: 0 });
    expect((await send("POST", "/_lab/faults", { body: { status: "often" } })).status).toBe(422);
  });
});

describe("a repository that a killed Gitea left behind", async () => {
  const gitea = await startGitea({ dir: join(folder, "crashes") });
  afterAll(() => gitea.stop());
  const tested = await asTested(gitea);
  const organisation = await newOrganisation(tested, "ilum-jupyterhub");
  // The author of the recorded commits has an account.
  await newPerson(tested, "alice");
  const make = (name: string) => newRepository(tested, organisation, name);
  const set = async (name: string, state: Parameters<Gitea["setState"]>[2]) =>
    expect(await gitea.setState(organisation.name, name, state)).toBe(true);
  const steps = async (title: string, names: string[]) => {
    for (const name of names) await replay(tested, `crash window (${title}): ${name}`);
  };

  it("A: without its directory", async () => {
    await make("crash-missing");
    await set("crash-missing", "A-missing");
    await steps("directory missing", ["GET", "create again", "commits", "branches", "contents", "GET after contents"]);
    const commit = await tested.send("GET", `/api/v1/repos/${organisation.name}/crash-missing/git/commits/main`);
    expect(commit.status).toBe(500);
    await steps("directory missing", ["DELETE", "GET after DELETE", "create after DELETE", "contents after recreate"]);
  });

  it("A: with an empty directory, or one without HEAD", async () => {
    await make("crash-empty");
    await set("crash-empty", "A-empty");
    await steps("directory empty", ["GET", "contents", "DELETE", "GET after DELETE", "create after DELETE"]);
    await make("crash-nohead");
    await set("crash-nohead", "A-headless");
    await steps("HEAD missing", ["GET", "create again", "commits", "branches", "contents", "GET after contents"]);
    await steps("HEAD missing", ["DELETE", "GET after DELETE", "create after DELETE", "contents after recreate"]);
  });

  it("B: with HEAD on master, which the API does not show", async () => {
    const path = await make("headm");
    await set("headm", "B");
    await steps("HEAD not set", ["contents", "GET shows nothing"]);
    const advertised = await tested.send("GET", `/${organisation.name}/headm.git/info/refs?service=git-upload-pack`);
    expect(advertised.body).toContain("refs/heads/main");
    expect(advertised.body).not.toContain("symref=HEAD:");
    const files = [{ operation: "create", path: "tmp", content: "" }];
    await tested.send("POST", `${path}/contents`, { body: { message: "x", files, new_branch: "tmp" } });
    await steps("HEAD not set", ["PATCH default_branch away", "PATCH default_branch back"]);
    expect((await tested.send("GET", path)).body).toMatchObject({ default_branch: "main" });
  });

  it("C: with a commit of which the row knows nothing, healed by one upload and not by a push", async () => {
    const path = await make("half");
    await tested.send("POST", `${path}/contents`, { body: first });
    await set("half", "C");
    await steps("commit written, row not updated", [
      "GET",
      "commits",
      "branch",
      "git/commits/main tells the truth",
      "contents GET",
    ]);
    expect(await tested.send("POST", `${path}/contents`, { body: first })).toMatchObject({ status: 422 });
    const work = join(folder, "half");
    const remote = `${gitea.url.replace("//", `//x:${gitea.token}@`)}/${organisation.name}/half.git`;
    await git("clone", "-q", remote, work);
    await git("-C", work, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x");
    gitea.switches.emptyAfterPushMilliseconds = 0;
    await git("-C", work, "push", "-q", "origin", "HEAD:main");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await tested.send("GET", path)).body).toMatchObject({ empty: true });
    expect((await tested.send("POST", `${path}/contents`, { body: asUpload })).status).toBe(201);
    expect((await tested.send("GET", path)).body).toMatchObject({ empty: false });
    expect((await tested.send("GET", `${path}/branches/main`)).status).toBe(200);
  });

  it("D: as a directory without a row, which the first refusal clears away", async () => {
    await set("left", "D");
    await replay(tested, "leftover directory: create");
    await replay(tested, "leftover directory: create again");
  });

  it("E: without a row for its branch, which reading the branches writes anew", async () => {
    const path = await make("half-e");
    await tested.send("POST", `${path}/contents`, { body: first });
    await set("half-e", "E");
    for (const body of [first, asUpload]) {
      const refused = await tested.send("POST", `${path}/contents`, { body });
      expect(refused).toMatchObject({
        status: 404,
        body: { message: expect.stringMatching(/^branch does not exist/) },
      });
    }
    expect((await tested.send("GET", `${path}/branches/main`)).status).toBe(404);
    expect((await tested.send("GET", `${path}/branches`)).body).toMatchObject([{ name: "main" }]);
    expect((await tested.send("POST", `${path}/contents`, { body: asUpload })).status).toBe(201);
  });

  it("is set and seen over HTTP too", async () => {
    await make("over-http");
    const path = `/_lab/repositories/${organisation.name}/over-http/state`;
    expect((await tested.send("PUT", path, { body: { state: "A-headless" } })).status).toBe(204);
    expect((await tested.send("GET", path)).body).toMatchObject({ isThere: false, row: { isEmpty: true } });
    expect((await tested.send("PUT", path, { body: { state: "Z" } })).status).toBe(422);
    expect((await tested.send("PUT", path.replace("over-http", "nosuch"), { body: { state: "B" } })).status).toBe(404);
  });
});

describe("a switch", async () => {
  const gitea = await startGitea({ dir: join(folder, "switches") });
  afterAll(() => gitea.stop());
  const tested = await asTested(gitea);
  const organisation = await newOrganisation(tested, "ilum-jupyterhub");
  const words = { "ilum-jupyterhub": organisation.name };

  it("lets two teams of one name be made at once, of which neither can be changed any more", async () => {
    await tested.send("PATCH", "/_lab/switches", { body: { teamRaceMilliseconds: 50 } });
    const body = { name: "race1", permission: "write", units_map: { "repo.code": "write" } };
    const create = () => tested.send("POST", `${organisation.path}/teams`, { body });
    const [one, two] = await Promise.all([create(), create()]);
    expect([one?.status, two?.status]).toEqual([201, 201]);
    await replay(tested, "team: search shows two teams of one name", { words });
    const younger = { "teams/16": `teams/${two === undefined ? 0 : idOf(two)}` };
    await replay(tested, "team: PATCH one of two teams of one name", { words: younger });
    await replay(tested, "team: DELETE the younger duplicate", { words: younger });
  });

  it("makes commits slow, so that an identical one within the hooks' time is 201 as well", async () => {
    gitea.switches.commitMilliseconds = 150;
    const path = await newRepository(tested, organisation, fresh("slow"));
    const send = () => tested.send("POST", `${path}/contents`, { body: first });
    const startedAt = performance.now();
    const both = await Promise.all([send(), send()]);
    expect(both.map((answer) => answer.status).sort()).toEqual([201, 500]);
    expect(performance.now() - startedAt).toBeGreaterThan(140);
    gitea.switches.commitMilliseconds = 0;
  });

  it("allows one mail domain only", async () => {
    gitea.switches.mailDomain = "corp.example";
    const config = "config EMAIL_DOMAIN_ALLOWLIST=corp.example: ";
    const answer = await replay(tested, `${config}create with another domain (warning header)`);
    expect(answer.headers.get("x-gitea-warning")).toContain("conflicts with EMAIL_DOMAIN_ALLOWLIST");
    await replay(tested, `${config}PATCH to another domain`);
    await replay(tested, `${config}PATCH with the unchanged e-mail`);
    gitea.switches.mailDomain = null;
  });
});

describe("while the directory is down", async () => {
  const slapd = await startSlapd({ dir: join(folder, "slapd") });
  const people = { userBase: `ou=people,${SUFFIX}`, userFilter: "(uid=%s)" };
  const { url, bindDn, bindPassword } = slapd;
  const gitea = await startGitea({ dir: join(folder, "down"), ldap: { url, bindDn, bindPassword, ...people } });
  const tested = await asTested(gitea);
  afterAll(() => Promise.all([gitea.stop(), slapd.stop()]));

  it("tokens go on, passwords are wrong, accounts can be made and the sync changes nothing", async () => {
    const alice = basic("ada", "ada-password");
    expect((await tested.send("GET", "/api/v1/user", { as: alice })).status).toBe(200);
    const token = `token ${await newToken(tested, "ada", ["read:user"])}`;
    await slapd.stop();
    await replay(tested, "ldap login: LDAP server down", { as: alice });
    expect((await tested.send("GET", "/api/v1/user", { as: token })).status).toBe(200);
    await replay(tested, "user: create linked while the LDAP server is down");
    await replay(tested, "sync: LDAP server down");
    expect((await tested.send("GET", "/api/v1/users/ada")).body).toMatchObject({ active: true });
  });
});

describe("somebody with a browser", async () => {
  const gitea = await startGitea({ dir: join(folder, "pages") });
  afterAll(() => gitea.stop());
  const tested = await asTested(gitea);

  it("signs in by a form and sees the files of a repository, which strangers do not", async () => {
    const organisation = await newOrganisation(tested);
    const path = await newRepository(tested, organisation, "seen");
    await tested.send("POST", `${path}/contents`, { body: first });
    const page = `/${organisation.name}/seen`;
    expect((await tested.send("GET", page, { as: null })).status).toBe(404);
    const form = new URLSearchParams({ user_name: gitea.username, password: gitea.password, redirect_to: page });
    const signedIn = await fetch(`${gitea.url}/user/login`, { method: "POST", body: form, redirect: "manual" });
    expect([signedIn.status, signedIn.headers.get("location")]).toEqual([303, page]);
    const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
    const seen = await tested.send("GET", page, { as: null, headers: { cookie } });
    expect(seen.body).toContain("<li>README.md</li>");
    const away = new URLSearchParams({ ...Object.fromEntries(form), redirect_to: "//elsewhere.example" });
    const kept = await fetch(`${gitea.url}/user/login`, { method: "POST", body: away, redirect: "manual" });
    expect(kept.headers.get("location")).toBe("/");
  });
});
