import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "ldapts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { patiently } from "../support/eventually.ts";
import { type GitRun, signIn, terminalGit } from "../support/hub-driver.ts";
import { type HubWorld, startHubWorld } from "../support/hub-world.ts";
import { newPerson } from "../support/slapd.ts";

/** One real JupyterHub with LDAPAuthenticator before the whole pipeline; what one person does from morning to evening. */
vi.setConfig({ testTimeout: 120_000 });
let world: HubWorld;
beforeAll(async () => {
  world = await startHubWorld();
}, 240_000);
afterAll(() => world?.stop());

/** From infra/local/directory/seed.ldif: every character that breaks a URL. */
const BOB = { user: "bob", password: "b/o:b@#%?&" };
const REPOSITORY = "ilum-jupyterhub/jupyterhub-bob";
const cloneOf = (user: string) => join(world.home(user), `jupyterhub-${user}`);

let environment: Record<string, string>;
let gitToken = "";
const git = (...words: string[]): Promise<GitRun> => terminalGit(environment, cloneOf("bob"), words);

const Commit = z.object({
  author: z.object({ login: z.string() }).nullable(),
  commit: z.object({ message: z.string() }),
});

async function askGitea(path: string, authorization = `token ${world.stack.gitea?.token}`): Promise<Response> {
  return await fetch(`${world.stack.giteaUrl}/api/v1${path}`, { headers: { authorization } });
}

/** How many wrong passwords slapd has counted for this person. */
async function failedLogins(uid: string): Promise<number> {
  const { url, bindDn, bindPassword } = world.stack.slapd;
  const client = new Client({ url });
  await client.bind(bindDn, bindPassword);
  const found = await client.search(`uid=${uid},ou=people,dc=uni,dc=example`, {
    scope: "base",
    attributes: ["pwdFailureTime", "pwdAccountLockedTime"],
  });
  await client.unbind();
  return Object.values(found.searchEntries[0] ?? {}).flat().length - 1; // without the dn
}

const deliveriesOf = (user: string) =>
  world.gate.passed.filter(({ path, body }) => path === "/v1/events" && body.includes(`"${user}"`));

describe("a first login", () => {
  it("works with a password full of special characters, and the server starts", async () => {
    const session = await signIn(world.hub, BOB.user, BOB.password);
    expect(session.status).toBe(302);
    expect((await session.visit("/hub/spawn")).status).toBe(302);
    await patiently(() => world.isReady("bob")).toBe(true);
    environment = world.environment("bob");
  });

  it("ends with a clone of the starter files beside the notebook", async () => {
    await patiently(() => existsSync(join(cloneOf("bob"), "IlumIntro.ipynb"))).toBe(true);
    expect(existsSync(join(cloneOf("bob"), "work"))).toBe(true);
    const token = environment["JUPYTERHUB_API_TOKEN"] ?? "";
    const listing = await fetch(`${world.hub.url}/user/bob/api/contents/jupyterhub-bob`, {
      headers: { authorization: `token ${token}` },
    });
    expect(await listing.text()).toContain("IlumIntro.ipynb");
  });

  it("lets bob commit and push from a terminal, and in Gitea the commit is his", async () => {
    await writeFile(join(cloneOf("bob"), "mine.txt"), "mine\n");
    expect(await git("add", ".")).toMatchObject({ code: 0 });
    expect(await git("commit", "-q", "-m", "mine")).toMatchObject({ code: 0 });
    expect(await git("push")).toMatchObject({ code: 0 });
    const [commit] = z.array(Commit).parse(await (await askGitea(`/repos/${REPOSITORY}/commits?limit=1`)).json());
    expect(commit).toMatchObject({ author: { login: "bob" }, commit: { message: "mine\n" } });
  });

  it("lets bob commit and push from JupyterLab's Git extension as well", async () => {
    await writeFile(join(cloneOf("bob"), "from-lab.txt"), "lab\n");
    const headers = {
      authorization: `token ${environment["JUPYTERHUB_API_TOKEN"]}`,
      "content-type": "application/json",
    };
    const ask = async (action: string, body: unknown) => {
      const url = `${world.hub.url}/user/bob/git/jupyterhub-bob/${action}`;
      const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
      return `${answer.status} ${answer.ok ? "" : await answer.text()}`;
    };
    expect(await ask("add", { add_all: true })).toBe("200 ");
    expect(await ask("commit", { commit_msg: "from the lab" })).toBe("200 ");
    expect(await ask("push", {})).toBe("200 ");
    const [commit] = z.array(Commit).parse(await (await askGitea(`/repos/${REPOSITORY}/commits?limit=1`)).json());
    expect(commit).toMatchObject({ author: { login: "bob" }, commit: { message: "from the lab\n" } });
  });

  it("sent one event, and its person is in Gitea with one repository", async () => {
    await patiently(() => deliveriesOf("bob").map(({ status }) => status)).toEqual([202]);
    const [event] = deliveriesOf("bob");
    expect(await world.stack.follow(event?.delivery ?? "")).toMatchObject({ isDone: true, account: "bob" });
    expect(environment["HUBFORGE_DELIVERY"]).toBe(event?.delivery);
  });

  it("hands out a token that is in no file of the hub or the home, .git and all, in no variable and no command line", async () => {
    const asked = `protocol=http\nhost=${new URL(world.stack.giteaUrl).host}\n\n`;
    const { out } = await terminalGit(environment, cloneOf("bob"), ["credential", "fill"], asked);
    gitToken = /^password=(.+)$/m.exec(out)?.[1] ?? "";
    expect(out).toContain("username=hubforge");
    expect(gitToken).toMatch(/^[0-9a-f]{40}$/);
    expect(filesWith("Intro", world.hub.dir)).not.toEqual([]);
    expect(filesWith(`url = ${world.stack.giteaUrl}`, world.hub.dir)).toContainEqual(
      expect.stringMatching(/\.git\/config$/),
    );
    expect(filesWith(gitToken, world.hub.dir)).toEqual([]);
    expect(commandLines().some((line) => line.includes("jupyterhub"))).toBe(true);
    expect(commandLines().filter((line) => line.includes(gitToken))).toEqual([]);
    expect(JSON.stringify(environment)).not.toContain(gitToken);
    expect(JSON.stringify(world.stack.lines)).not.toContain(gitToken);
  });
});

/** Every file below `folder`, hidden ones as well, that holds `text`. */
function filesWith(text: string, folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => readFileSync(path).includes(text));
}

/** Of every process of this machine, as everybody on it can read them. */
function commandLines(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/cmdline`))
    .flatMap((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      } catch {
        return []; // it has ended meanwhile
      }
    });
}

describe("the end of a session", () => {
  it("kills the token in Gitea and the server's own token in the hub", async () => {
    expect((await askGitea(`/repos/${REPOSITORY}`, `token ${gitToken}`)).status).toBe(200);
    await world.close("bob");
    await patiently(async () => (await askGitea(`/repos/${REPOSITORY}`, `token ${gitToken}`)).status).toBe(401);
    expect((await world.call("GET", "/user", { token: environment["JUPYTERHUB_API_TOKEN"] ?? "" })).status).toBe(403);
    const [, stop] = deliveriesOf("bob");
    expect(JSON.parse(stop?.body ?? "")).toMatchObject({ type: "server.stopped", data: { account: "bob" } });
  });

  it("F11: a fetch that goes on says that the session has ended, and never counts as a wrong LDAP password", async () => {
    await patiently(async () => (await git("fetch")).error).toContain("session has ended");
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const fetched = await git("fetch");
      expect(fetched.code).not.toBe(0);
      expect(fetched.error).toContain("session has ended");
    }
    expect(await failedLogins("bob")).toBe(0);
    const basic = `Basic ${Buffer.from(`${BOB.user}:${BOB.password}`).toString("base64")}`;
    expect((await askGitea("/user", basic)).status).toBe(200);
    expect((await signIn(world.hub, BOB.user, BOB.password)).status).toBe(302);
  });

  it("F11: nor does the dead token itself, however often it is tried", async () => {
    const basic = `Basic ${Buffer.from(`hubforge:${gitToken}`).toString("base64")}`;
    for (let attempt = 0; attempt < 4; attempt += 1) expect((await askGitea("/user", basic)).status).toBe(401);
    expect(await failedLogins("bob")).toBe(0);
  });
});

describe("F10: ada with an old password in .netrc", () => {
  it("clones, pulls and pushes with the session's token, and slapd counts nothing against her", async () => {
    const [clone, netrc] = [cloneOf("ada"), join(world.home("ada"), ".netrc")];
    await mkdir(world.home("ada"), { recursive: true });
    await writeFile(netrc, "machine 127.0.0.1 login ada password old-directory-password\n", { mode: 0o600 });
    await world.add("ada");
    await world.start("ada");
    const own = world.environment("ada");
    await patiently(() => existsSync(join(clone, "IlumIntro.ipynb"))).toBe(true);
    for (const variant of ["", "default login ada password x\n"]) {
      if (variant) await writeFile(netrc, variant);
      const works = [
        ["pull", "-q"],
        ["pull", "-q"],
        ["pull", "-q"],
        ["commit", "-q", "--allow-empty", "-m", "x"],
        ["push"],
      ];
      for (const words of works) expect(await terminalGit(own, clone, words)).toMatchObject({ code: 0 });
    }
    await world.close("ada");
    expect(await failedLogins("ada")).toBe(0);
    expect(world.hub.log()).toMatch(/line 1 of ~\/\.netrc offers a password for 127\.0\.0\.1/);
  });
});

describe("who may not come in", () => {
  it("outside the allowed groups (LDAPAuthenticator follows no nested ones) cannot sign in, and nothing is provisioned", async () => {
    const refused = await signIn(world.hub, "carol", "carol-password");
    expect(refused.status).toBe(403);
    expect(refused.page).toContain("Invalid username or password");
    expect(deliveriesOf("carol")).toEqual([]);
    expect((await askGitea("/users/carol")).status).toBe(404);
  });

  it("in none at all, but with a server that the hub's admin starts, gets no token and a file that says why", async () => {
    await world.stack.slapd.modify(newPerson("mallory"));
    await world.add("mallory");
    await world.start("mallory");
    const note = join(world.home("mallory"), "HUBFORGE-WAITING.txt");
    await patiently(() => existsSync(note)).toBe(true);
    expect(readFileSync(note, "utf8")).toContain("There will be none for this server");
    expect(existsSync(cloneOf("mallory"))).toBe(false);
    await world.close("mallory");
  });
});
