import { serve } from "@hono/node-server";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { sessionTokenName } from "#shared/session-token.ts";
import { spawnOf } from "./support/envelopes.ts";
import { newPerson } from "./support/slapd.ts";
import { startWorkspaces, tokensOf } from "./support/workspaces-server.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
let people = 0;
let uid: string;
beforeAll(async () => {
  world = await startWorld();
});
beforeEach(async () => {
  uid = `person${++people}`;
  await world.slapd.modify(newPerson(uid));
  await world.pass(spawnOf(uid));
});
afterAll(() => world.stop());

const HOUR = 3_600_000;
const nameOf = (session: string) => sessionTokenName({ hub: "default", user: uid, server: "", session });

/** Workspaces in front of a Gitea whose clock is `shift` ms wrong; `null` hides it. */
async function startSkewed(shift: number | null) {
  const moved = (time: string) => new Date(Date.parse(time) + (shift ?? 0));
  const fetchShifted = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    const body = request.method === "POST" ? await request.text() : null;
    const answer = await fetch(`${world.gitea.url}${pathname}${search}`, {
      method: request.method,
      headers: request.headers,
      body,
    });
    const text = (await answer.text()).replace(
      /"created_at":"(2[^"]*)"/g,
      (_, time) => `"created_at":"${moved(time).toISOString()}"`,
    );
    const headers = new Headers({ "content-type": answer.headers.get("content-type") ?? "text/plain" });
    headers.set("date", shift === null ? "" : moved(answer.headers.get("date") ?? "").toUTCString());
    return new Response(answer.status === 204 ? null : text, { status: answer.status, headers });
  };
  const { promise: listening, resolve } = Promise.withResolvers<number>();
  const server = serve({ fetch: fetchShifted, port: 0, hostname: "127.0.0.1" }, ({ port }) => resolve(port));
  const workspaces = await startWorkspaces(world, { GITEA_URL: `http://127.0.0.1:${await listening}` });
  onTestFinished(() => {
    workspaces.stop();
    server.close();
  });
  /** Mints; `age` moves every clock but Gitea's own to so many ms ago, `late` only the hub's question. */
  return async (session: string, { age = 0, late = 0 } = {}) => {
    if (age > 0) vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - age });
    const at = new Date(Date.now() - late);
    const answer = await workspaces.credentials({ user: uid, session, sessions: [{ server: "", session }], at });
    vi.useRealTimers();
    expect(answer.status).toBe(200);
  };
}
const tokenNames = async () => (await tokensOf(world, uid)).map(({ name }) => name).toSorted();

describe("left-over tokens are told from newer ones", () => {
  it.each([
    ["is an hour behind", -HOUR],
    ["is right", 0],
    ["is an hour ahead", HOUR],
  ])("by Gitea's own clock, which %s", async (_, shift) => {
    const mint = await startSkewed(shift);
    await mint("left-over", { age: 600_000 });
    await mint("newer", { age: 10_000 });
    expect(await tokenNames()).toEqual([nameOf("newer")]);
    await mint("overtaken", { late: 20_000 });
    expect(await tokenNames()).toEqual([nameOf("newer"), nameOf("overtaken")].toSorted());
  });

  it("not at all where a proxy hides that clock, except for the session's own", async () => {
    const mint = await startSkewed(null);
    await mint("left-over", { age: 600_000 });
    const before = await tokenNames();
    await mint("left-over");
    expect(await tokenNames()).toEqual(before);
    await mint("another");
    expect(await tokenNames()).toEqual([...before, nameOf("another")].toSorted());
  });
});
