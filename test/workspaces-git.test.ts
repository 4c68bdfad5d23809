import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { spawnOf } from "./support/envelopes.ts";
import { openClone } from "./support/git-session.ts";
import { SECRETS } from "./support/signed-event.ts";
import { startWorkspaces, tokensOf, type Workspaces } from "./support/workspaces-server.ts";
import { startWorld, type World } from "./support/world.ts";

/** The journey of one session's token, with the real git program, from its making to its end. */
let world: World;
let workspaces: Workspaces;
const handedOut: string[] = [];
beforeAll(async () => {
  world = await startWorld();
  workspaces = await startWorkspaces(world);
  for (const uid of ["ada", "bob"]) await world.pass(spawnOf(uid));
});
afterAll(async () => {
  workspaces.stop();
  await world.stop();
});

async function credentialsOf(user: string) {
  const { body } = await workspaces.credentials(user);
  if (body.password === undefined || body.cloneUrl === undefined) throw new Error(`no token: ${body.code}`);
  handedOut.push(body.password);
  return { username: body.username, password: body.password, cloneUrl: body.cloneUrl };
}

async function stopServer(user: string): Promise<void> {
  const { delivery } = spawnOf(user);
  const stopped = { ...delivery, session: `${user}-1`, account: user };
  await world.pass(spawnOf(user, { route: "stop", delivery: stopped }), "release");
}

/** Whether the person's own password opens Gitea, which asks the directory. */
async function maySignIn(uid: string, password: string): Promise<boolean> {
  const basic = Buffer.from(`${uid}:${password}`, "utf8").toString("base64");
  const answer = await fetch(`${world.gitea.url}/api/v1/user`, { headers: { Authorization: `Basic ${basic}` } });
  return answer.ok;
}

const Commits = z.array(z.object({ sha: z.string(), author: z.object({ login: z.string() }).nullable() }));

describe("ada's git, as hubforge:<token>", () => {
  it("clones her starter files, and what she pushes is hers in Gitea", async () => {
    const session = await credentialsOf("ada");
    expect(session.username).toBe("hubforge");
    const clone = await openClone(session.cloneUrl, session);
    expect(await clone.files()).toMatch(/\.ipynb/);
    const sha = await clone.pushFile("notes.txt", "first thoughts\n");
    await clone.remove();
    const commits = await world.view.get("/repos/ilum-jupyterhub/jupyterhub-ada/commits?limit=1&page=1");
    expect(Commits.parse(commits)[0]).toEqual({ sha, author: { login: "ada" } });
  });

  it("cannot read bob's repository", async () => {
    await credentialsOf("bob");
    const [session, { cloneUrl }] = [await credentialsOf("ada"), (await workspaces.status("bob")).body];
    await expect(openClone(cloneUrl ?? "", session)).rejects.toThrow(/not found|403|404/i);
  });

  it("is dead once the server has stopped, and trying on with it locks nobody out of the directory", async () => {
    const session = await credentialsOf("ada");
    const clone = await openClone(session.cloneUrl, session);
    await clone.fetch();
    await stopServer("ada");
    expect(await tokensOf(world, "ada")).toEqual([]);
    for (let attempt = 0; attempt < 5; attempt += 1)
      await expect(clone.fetch()).rejects.toThrow(/Authentication failed/);
    await clone.remove();
    expect(await maySignIn("ada", "ada-password")).toBe(true);
  });

  it("would lock him out under the person's own name: this directory counts", async () => {
    const { cloneUrl, password } = await credentialsOf("bob");
    await stopServer("bob");
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await expect(openClone(cloneUrl, { username: "bob", password })).rejects.toThrow(/Authentication failed/);
    }
    expect(await maySignIn("bob", "b/o:b@#%?&")).toBe(false);
  });

  it("works again with the token that is made anew while the session lives", async () => {
    const revoked = await credentialsOf("ada");
    const [{ id } = { id: 0 }] = await tokensOf(world, "ada");
    expect(await deleteToken("ada", id)).toBe(204);
    await expect(openClone(revoked.cloneUrl, revoked)).rejects.toThrow(/Authentication failed/);
    const clone = await openClone(revoked.cloneUrl, await credentialsOf("ada"));
    await clone.remove();
  });
});

async function deleteToken(account: string, id: number): Promise<number> {
  const basic = Buffer.from(`${world.gitea.username}:${world.gitea.password}`).toString("base64");
  const url = `${world.gitea.url}/api/v1/users/${account}/tokens/${id}`;
  return (await fetch(url, { method: "DELETE", headers: { Authorization: `Basic ${basic}` } })).status;
}

describe("the log", () => {
  it("holds no token, password or webhook secret, whatever went right or wrong", async () => {
    world.gitea.faults.add({ method: "POST", path: "/tokens", status: 201, body: { sha1: "", token: "f".repeat(40) } });
    await workspaces.credentials("ada");
    await workspaces.credentials({ user: "ada", sessions: [] });
    const text = JSON.stringify(world.lines);
    expect(text).toContain("credentials.minted");
    expect(text).toContain("credentials.refused");
    const secrets = [world.gitea.token, world.slapd.bindPassword, ...SECRETS.default, "f".repeat(40), ...handedOut];
    expect(secrets.length).toBeGreaterThan(8);
    for (const secret of secrets) expect(text).not.toContain(secret);
  });
});
