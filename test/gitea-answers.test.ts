import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { signIn } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { deliver, discard, lettersOf, retryOf, walkTo } from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { addPerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());
afterEach(async () => {
  if (IS_STAND_IN) world.gitea.faults.clear();
  await discard(world, "team", "templates");
});

type Fault = Parameters<World["gitea"]["faults"]["add"]>[0];

let people = 0;
/** Somebody new at the account stage, whose first question to Gitea (`GET /users/…`) is answered by these faults in turn. */
async function askedBy(...faults: Fault[]) {
  people += 1;
  const uid = `person${people}`;
  await addPerson(world, { uid });
  const envelope = await walkTo(world, "account", spawnOf(uid));
  for (const { headers = {}, ...fault } of faults) {
    const named = Object.entries(headers).map(([name, value]) => [name, value.replace("{uid}", uid)]);
    world.gitea.faults.add({ method: "GET", path: `/users/${uid}`, headers: Object.fromEntries(named), ...fault });
  }
  const delivered = await deliver(world, "account", envelope);
  return { uid, ...delivered, retry: retryOf(delivered.lines), letters: lettersOf(world.letters(), uid) };
}

const here = (place: string) => ({ location: place });
const rubbish = { status: 200, html: true } as const;

describe.runIf(IS_STAND_IN)("what Gitea, or something in front of it, answers", () => {
  it.each<[string, Fault, string]>([
    ["500", { status: 500, body: { message: "", url: "" } }, "gitea.failing"],
    ["502 with a proxy's page", { status: 502, html: true }, "gitea.failing"],
    ["503", { status: 503 }, "gitea.failing"],
    ["504 with text", { status: 504, body: "upstream timed out" }, "gitea.failing"],
    ["408", { status: 408 }, "gitea.failing"],
    ["423", { status: 423 }, "gitea.failing"],
    ["401", { status: 401, body: { message: "invalid username, password or token" } }, "gitea.unauthorized"],
    ["403", { status: 403, body: { message: "token does not have required scope" } }, "gitea.unauthorized"],
    ["200 with a page instead of JSON", rubbish, "gitea.unreadable"],
    ["200 with JSON of something else", { status: 200, body: { status: "ok" } }, "gitea.unreadable"],
    ["404 of a proxy without a Gitea behind it", { status: 404, body: "default backend - 404" }, "gitea.unreadable"],
    ["404 with a page", { status: 404, html: true }, "gitea.unreadable"],
    [
      "a redirect to https",
      { status: 301, headers: here("https://git.uni.example/api/v1/users/{uid}") },
      "gitea.unreadable",
    ],
    [
      "a redirect to a login page",
      { status: 302, headers: here("/user/login?redirect_to=%2Fapi%2Fv1") },
      "gitea.unreadable",
    ],
    ["a redirect that no server encodes", { status: 302, headers: here("/api/v1/%zz") }, "gitea.unreadable"],
    ["a redirect to nowhere", { status: 303 }, "gitea.unreadable"],
    ["a connection that ends before the question", { drop: "before" }, "gitea.unreachable"],
    ["a connection that ends instead of the answer", { drop: "after" }, "gitea.unreachable"],
    ["half an answer", { cutAfterBytes: 9 }, "gitea.unreachable"],
  ])("%s: the event waits, the line names the request, and the next try goes on", async (_, fault, code) => {
    const { retry, letters, again, uid } = await askedBy(fault);
    expect(letters).toEqual([]);
    expect(retry).toMatchObject({ code, reason: expect.stringContaining(`GET /users/${uid}`) });
    if (fault.status)
      expect(retry?.reason).toContain(fault.status < 300 || fault.status >= 400 ? `${fault.status}` : "redirected");
    expect((await again()).isDone).toBe(true);
  });

  it.each<[string, Fault, string]>([
    ["a renamed account", { status: 307, headers: here("/api/v1/users/somebody-else") }, "gitea.moved"],
    ["400", { status: 400, body: { message: "that is wrong" } }, "gitea.refused"],
    ["405 without a body", { status: 405, body: "" }, "gitea.refused"],
    ["418 with a page", { status: 418, html: true }, "gitea.refused"],
  ])("%s: trying again cannot help, so it is a letter", async (_, fault, code) => {
    expect(await askedBy(fault)).toMatchObject({ isDone: true, letters: [`account permanent ${code}`] });
  });

  it("429 waits as long as it asks for, in seconds or until a date", async () => {
    const { retry, again } = await askedBy(
      { status: 429, headers: { "retry-after": "120" } },
      {
        status: 429,
        headers: { "retry-after": new Date(Date.now() + 240_000).toUTCString() },
      },
    );
    expect(retry).toMatchObject({ code: "gitea.failing", retryInSeconds: 120 });
    const until = retryOf((await again()).lines)?.retryInSeconds ?? 0;
    expect(until).toBeGreaterThan(200);
    expect(until).toBeLessThanOrEqual(240);
    expect((await again()).isDone).toBe(true);
  });

  it("nothing at all for three seconds: the stage gives up before its own deadline", async () => {
    const { retry, lines, again } = await askedBy({ delayMilliseconds: 3500 });
    expect(retry).toMatchObject({ code: "gitea.unreachable", reason: expect.stringContaining("timeout") });
    expect(lines).toHaveLength(1);
    expect((await again()).isDone).toBe(true);
  });

  it("a list that is shorter than its own total: it is no list", async () => {
    await addPerson(world, { uid: "short" });
    await signIn(world, "short", "short-password");
    world.gitea.faults.add({
      method: "GET",
      path: "/user/teams",
      status: 200,
      body: [],
      headers: { "x-total-count": "60" },
    });
    world.gitea.faults.add({
      method: "GET",
      path: "/user/teams",
      status: 200,
      body: [],
      headers: { "x-total-count": "60" },
    });
    const { lines, again } = await deliver(world, "account", await walkTo(world, "account", spawnOf("short")));
    expect(retryOf(lines)).toMatchObject({ code: "gitea.incomplete", reason: expect.stringContaining("0 of 60") });
    world.gitea.faults.clear();
    expect((await again()).isDone).toBe(true);
  });

  it("a 301 to a POST: nothing is asked at the place it names", async () => {
    await addPerson(world, { uid: "posted" });
    const envelope = await walkTo(world, "repository", spawnOf("posted"));
    world.gitea.faults.add({
      method: "POST",
      path: "/orgs/ilum-jupyterhub/repos",
      status: 301,
      headers: here("/api/v1/trap"),
    });
    const { isDone } = await deliver(world, "repository", envelope);
    expect([isDone, lettersOf(world.letters(), "posted")]).toEqual([true, ["repository permanent gitea.moved"]]);
    expect(world.gitea.requests.filter(({ path }) => path.includes("trap"))).toEqual([]);
  });

  it("an account that goes away between two requests: the event waits", async () => {
    await addPerson(world, { uid: "vanish" });
    await signIn(world, "vanish", "vanish-password");
    const absent = { status: 404, body: { message: "user not found", url: "" } };
    world.gitea.faults.add({ method: "GET", path: "/user/teams", ...absent });
    world.gitea.faults.add({ method: "PATCH", path: "/admin/users/vanish", ...absent });
    const { lines, again } = await deliver(world, "account", await walkTo(world, "account", spawnOf("vanish")));
    expect(retryOf(lines)).toMatchObject({ code: "gitea.failing", reason: expect.stringContaining("went away") });
    expect(retryOf((await again()).lines)).toMatchObject({ code: "gitea.failing" });
    expect((await again()).isDone).toBe(true);
  });
});
