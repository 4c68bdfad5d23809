import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { sessionTokenName } from "#shared/session-token.ts";
import { spawnOf } from "./support/envelopes.ts";
import { newPerson } from "./support/slapd.ts";
import { type Asking, startWorkspaces, tokensOf, type Workspaces } from "./support/workspaces-server.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
let workspaces: Workspaces;
let people = 0;
let uid: string;
beforeAll(async () => {
  world = await startWorld();
  workspaces = await startWorkspaces(world);
});
beforeEach(async () => {
  uid = `person${++people}`;
  await world.slapd.modify(newPerson(uid, `mail: ${uid}@uni.example`));
  await world.pass(spawnOf(uid));
});
afterAll(async () => {
  workspaces.stop();
  await world.stop();
});

const HOUR = 3_600_000;

/** Mints for a session; what the clocks of hub, hubforge and Gitea say then may be `ago` milliseconds in the past. */
async function mint(asking: Asking, ago = 0) {
  if (ago > 0) vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - ago });
  try {
    const { status, body } = await workspaces.credentials(asking);
    expect(status).toBe(200);
    return { name: body.tokenName ?? "", token: body.password ?? "" };
  } finally {
    vi.useRealTimers();
  }
}
const live = (...sessions: string[]) => sessions.map((session) => ({ server: session, session }));
const asking = (session: string, ...others: string[]): Asking => ({
  user: uid,
  server: session,
  session,
  sessions: live(session, ...others),
});
const names = async (account = uid) => (await tokensOf(world, account)).map(({ name }) => name).toSorted();
const isAlive = async (token: string, account = uid) => {
  const url = `${world.gitea.url}/api/v1/repos/ilum-jupyterhub/jupyterhub-${account}`;
  return (await fetch(url, { headers: { Authorization: `token ${token}` } })).ok;
};

describe("a token", () => {
  it("is the person's, named after the session, for repositories only, under a user name that is nobody's", async () => {
    const { body } = await workspaces.credentials(asking("s1"));
    const tokenName = sessionTokenName({ hub: "default", user: uid, server: "s1", session: "s1" });
    expect(body).toMatchObject({ state: "ready", username: "hubforge", account: uid, tokenName });
    expect(body.password).toMatch(/^[0-9a-f]{40}$/);
    expect(await tokensOf(world, uid)).toMatchObject([{ name: tokenName, scopes: ["write:repository"] }]);
    expect(world.lines.at(-1)).toMatchObject({
      event: "credentials.minted",
      account: uid,
      tokensRevoked: 0,
      status: 200,
    });
  });

  it("made anew for the same session ends the one before", async () => {
    const [first, second] = [await mint(asking("s1")), await mint(asking("s1"))];
    expect(second.name).toBe(first.name);
    expect([await isAlive(first.token), await isAlive(second.token)]).toEqual([false, true]);
    expect(await names()).toEqual([first.name]);
  });

  it("leaves those of the person's other live servers alone, old as they are", async () => {
    const first = await mint(asking("s1"), 10 * HOUR);
    const second = await mint(asking("s2", "s1"));
    expect([await isAlive(first.token), await isAlive(second.token)]).toEqual([true, true]);
  });

  it("leaves those of another login of the same person alone, which the hub keeps apart and LDAP does not", async () => {
    const first = await mint(asking("s1"), 10 * HOUR);
    const { status } = await workspaces.credentials({ ...asking("s2"), user: uid.toUpperCase() });
    expect([status, await isAlive(first.token)]).toEqual([200, true]);
  });

  it("of many requests at once for one session is never left over by its release", async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => workspaces.credentials(asking("s1"))));
    expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
    expect(answers.some(({ status }) => status === 200)).toBe(true);
    await release("s1");
    expect(await names()).toEqual([]);
  });

  it("is made for two servers at once, one each", async () => {
    const both = await Promise.all([mint(asking("s1", "s2")), mint(asking("s2", "s1"))]);
    expect(await Promise.all(both.map(({ token }) => isAlive(token)))).toEqual([true, true]);
  });
});

async function release(session: string, user = uid, account = uid): Promise<void> {
  const { delivery } = spawnOf(user);
  await world.pass(
    spawnOf(user, { route: "stop", delivery: { ...delivery, server: session, session, account } }),
    "release",
  );
}

describe("what a lost stop left behind", () => {
  it("ends with the next token of that hub user, and nothing else does", async () => {
    const kept = [
      await mint({ ...asking("s1"), hub: "physics" }, HOUR),
      { name: "hubforge.default.mine", token: "" },
      { name: "laptop", token: "" },
    ];
    for (const { name } of kept.slice(1)) await mintByHand(name);
    for (const session of ["s2", "s3", "s4"]) await mint(asking(session, "s2", "s3"), HOUR);
    const { name } = await mint(asking("s5"));
    expect(await names()).toEqual([...kept.map((one) => one.name), name].toSorted());
    expect(world.lines.at(-1)).toMatchObject({ event: "credentials.minted", tokensRevoked: 3 });
  });

  it("is told from the token of a newer request that was quicker", async () => {
    const newer = await mint(asking("s2", "s1"));
    await mint({ ...asking("s1"), at: new Date(Date.now() - 20_000) });
    await mint({ ...asking("s1"), at: new Date() });
    expect(await isAlive(newer.token)).toBe(true);
    await mint({ ...asking("s1"), at: new Date(Date.now() + 50_000) }); // a hub whose clock is ahead
    expect(await isAlive(newer.token)).toBe(true);
  });

  it("goes without harm to the other login of one human", async () => {
    uid = "jdoe";
    await world.pass(spawnOf(uid));
    const one = await mint(asking("s1"), HOUR);
    const other = await mint({ ...asking("s2"), user: "jane.doe" }, HOUR);
    const again = await mint(asking("s3"));
    expect([await isAlive(one.token), await isAlive(other.token), await isAlive(again.token)]).toEqual([
      false,
      true,
      true,
    ]);
    await release("s3");
    expect([await isAlive(other.token), await isAlive(again.token)]).toEqual([true, false]);
    await release("s2", "jane.doe", "jdoe");
    expect(await names()).toEqual([]);
  });
});

async function mintByHand(name: string): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - HOUR });
  const basic = Buffer.from(`${world.gitea.username}:${world.gitea.password}`).toString("base64");
  const headers = { Authorization: `Basic ${basic}`, "Content-Type": "application/json" };
  const body = JSON.stringify({ name, scopes: ["read:user"] });
  const made = await fetch(`${world.gitea.url}/api/v1/users/${uid}/tokens`, { method: "POST", headers, body });
  vi.useRealTimers();
  expect(made.status).toBe(201);
}
