import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import type { Gitea } from "../infra/local/gitea/server.ts";
import { replay } from "./contract/gitea-recordings.ts";
import { basic, fresh, idOf, newOrganisation, newPerson, newRepository } from "./support/gitea-builders.ts";
import { firstCommit, startStandIn, temporaryFolder } from "./support/gitea-stand-in.ts";

const folder = await temporaryFolder();

const run = promisify(execFile);
const git = (...args: string[]) => run("git", args, { env: { PATH: process.env["PATH"], HOME: folder } });

const Inside = z.object({ directory: z.string() });
const asUpload = { ...firstCommit, files: firstCommit.files.map((file) => ({ ...file, operation: "upload" })) };

describe("a repository that a killed Gitea left behind", async () => {
  const { gitea, tested } = await startStandIn({ dir: join(folder, "crashes") });
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
    await tested.send("POST", `${path}/contents`, { body: firstCommit });
    await set("half", "C");
    await steps("commit written, row not updated", [
      "GET",
      "commits",
      "branch",
      "git/commits/main tells the truth",
      "contents GET",
    ]);
    expect(await tested.send("POST", `${path}/contents`, { body: firstCommit })).toMatchObject({ status: 422 });
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
    await tested.send("POST", `${path}/contents`, { body: firstCommit });
    await set("half-e", "E");
    // In the middle of that recording the queue had flipped `empty`: what began as C went on as E.
    const words = { half: "half-e" };
    for (const name of [
      "the same contents again",
      "GET after the refused retry",
      "upload of the same file repairs the flag",
      "GET after the repair",
    ]) {
      await replay(tested, `crash window (commit written, row not updated): ${name}`, { words });
    }
    expect((await tested.send("GET", `${path}/branches/main`)).status).toBe(404);
    expect((await tested.send("GET", `${path}/branches`)).body).toMatchObject([{ name: "main" }]);
    expect((await tested.send("POST", `${path}/contents`, { body: asUpload })).status).toBe(201);
  });

  it("takes commits when only the folder of its hooks is missing", async () => {
    await make("crash-nohooks");
    const place = `/_lab/repositories/${organisation.name}/crash-nohooks`;
    const { directory } = Inside.parse((await tested.send("GET", `${place}/state`)).body);
    await rm(join(directory, "hooks"), { recursive: true, force: true });
    await replay(tested, "crash window (hooks missing): contents");
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
  const { gitea, tested } = await startStandIn({ dir: join(folder, "switches") });
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

  it("lets two tokens of one name be minted at once, of which neither can be deleted by that name", async () => {
    gitea.switches.tokenRaceMilliseconds = 100;
    const { name: alice } = await newPerson(tested);
    const request = { as: basic(tested.service, tested.token), body: { name: "race", scopes: ["read:user"] } };
    const mint = () => tested.send("POST", `/api/v1/users/${alice}/tokens`, request);
    const both = await Promise.all([mint(), mint()]);
    expect(both.map(({ status }) => status)).toEqual([201, 201]);
    await replay(tested, "token: DELETE by a name that exists several times", { words: { alice } });
    gitea.switches.tokenRaceMilliseconds = 5;
  });

  it("makes commits slow, so that an identical one within the hooks' time is 201 as well", async () => {
    gitea.switches.commitMilliseconds = 150;
    const path = await newRepository(tested, organisation, fresh("slow"));
    const send = () => tested.send("POST", `${path}/contents`, { body: firstCommit });
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
