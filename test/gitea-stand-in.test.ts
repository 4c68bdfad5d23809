import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { startSlapd } from "../infra/local/slapd.ts";
import { SUFFIX } from "../infra/local/slapd-folder.ts";
import { replay } from "./contract/gitea-recordings.ts";
import { type GiteaUnderTest, underTest } from "./support/gitea.ts";
import { basic, idOf, newOrganisation, newPerson, newRepository, newToken } from "./support/gitea-builders.ts";
import { firstCommit, startStandIn, temporaryFolder } from "./support/gitea-stand-in.ts";

/** What only the stand-in can do, here and in the two files beside this one. What a real Gitea does too is in `contract/`. */

const folder = await temporaryFolder();

describe("a stand-in in its own process", () => {
  const readySchema = z.object({ url: z.string(), token: z.string(), sourceId: z.number() });
  const dir = join(folder, "process");
  const children: ChildProcess[] = [];
  afterAll(() => children.map((child) => child.kill("SIGKILL")));

  async function start(port = 0): Promise<{ child: ChildProcess; gitea: GiteaUnderTest; url: string }> {
    const main = fileURLToPath(new URL("../infra/local/gitea/main.ts", import.meta.url));
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
    await before.gitea.send("POST", `${path}/contents`, { body: firstCommit });
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
        await before.gitea.send("POST", `${path}/contents`, { body: firstCommit });
      };
      await expect(work()).rejects.toThrow();
      await gone;
      const { child, gitea } = await start();
      expect(await gitea.send("GET", path)).toMatchObject({ status: 200, body: { empty: true } });
      expect((await gitea.send("POST", `${organisation.path}/repos`, create)).status).toBe(expected.create);
      expect((await gitea.send("POST", `${path}/contents`, { body: firstCommit })).status).toBe(expected.contents);
      await kill(child);
    }
  });
});

describe("while the directory is down", async () => {
  const slapd = await startSlapd({ dir: join(folder, "slapd") });
  const people = { userBase: `ou=people,${SUFFIX}`, userFilter: "(uid=%s)" };
  const { url, bindDn, bindPassword } = slapd;
  const ldap = { url, bindDn, bindPassword, ...people };
  const { gitea, tested } = await startStandIn({ dir: join(folder, "down"), ldap });
  afterAll(() => slapd.stop());

  it("tokens go on, passwords are wrong, accounts can be made and the sync changes nothing", async () => {
    const alice = basic("ada", "ada-password");
    expect((await tested.send("GET", "/api/v1/user", { as: alice })).status).toBe(200);
    gitea.switches.mailDomain = "corp.example";
    const config = "config EMAIL_DOMAIN_ALLOWLIST=corp.example: ";
    await replay(tested, `${config}first LDAP login with another domain`, { as: basic("dan", "dan-password") });
    gitea.switches.mailDomain = null;
    expect((await tested.send("GET", "/api/v1/user", { as: basic("dan", "dan-password") })).status).toBe(200);
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
  const { gitea, tested } = await startStandIn({ dir: join(folder, "pages") });

  it("signs in by a form and sees the files of a repository, which strangers do not", async () => {
    const organisation = await newOrganisation(tested);
    const path = await newRepository(tested, organisation, "seen");
    await tested.send("POST", `${path}/contents`, { body: firstCommit });
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
