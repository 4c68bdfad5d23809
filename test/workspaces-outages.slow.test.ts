import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spawnOf } from "./support/envelopes.ts";
import { startWorkspaces, tokensOf, type Workspaces } from "./support/workspaces-server.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
let workspaces: Workspaces;
beforeAll(async () => {
  world = await startWorld();
  workspaces = await startWorkspaces(world);
  await world.pass(spawnOf("ada"));
});
afterAll(async () => {
  workspaces.stop();
  await world.stop();
});

describe("while something is down", () => {
  const later = (code: string) => ({
    status: 503,
    body: { error: "unavailable", code, message: "hubforge cannot tell now: ask again" },
  });

  it("a failing Gitea is 503 with its Retry-After, wherever it fails, and the next answer is right", async () => {
    for (const path of ["/users/ada", "/user/teams", "/teams/", "/users/ada/tokens"]) {
      world.gitea.faults.add({ path, status: 502, headers: { "Retry-After": "7" } });
      const answer = await workspaces.credentials("ada");
      expect(answer).toMatchObject(later("gitea.failing"));
      expect(answer.headers.get("retry-after")).toBe("7");
      expect(world.lines.at(-1)).toMatchObject({ event: "credentials.refused", status: 503, code: "gitea.failing" });
      world.gitea.faults.clear();
    }
    expect((await workspaces.credentials("ada")).status).toBe(200);
  });

  it("a token whose making was never answered is not left behind by the next try", async () => {
    world.gitea.faults.add({ method: "POST", path: "/users/ada/tokens", drop: "after" });
    expect(await workspaces.credentials("ada")).toMatchObject(later("gitea.unreachable"));
    expect((await workspaces.credentials("ada")).status).toBe(200);
    expect(await tokensOf(world, "ada")).toHaveLength(1);
  });

  it("a slow Gitea, or a secret that never comes, is 503 before the hub hangs up after 8 s", async () => {
    const waiting = await startWorkspaces(world, {}, { connect: () => new Promise(() => {}) });
    world.gitea.faults.add({ path: "/api/v1/", times: "always", delayMilliseconds: 2_500 });
    const startedAt = Date.now();
    const [slow, stuck] = await Promise.all([workspaces.credentials("ada"), waiting.credentials("ada")]);
    expect(Date.now() - startedAt).toBeLessThan(8_000);
    expect(slow).toMatchObject(later("gitea.unreachable"));
    expect(stuck).toMatchObject(later("workspace.deadline"));
    expect(slow.headers.get("retry-after")).toBe("5");
    world.gitea.faults.clear();
    waiting.stop();
  });

  it("an account that an admin has renamed is 422: not the person's doing, and no waiting helps", async () => {
    world.gitea.faults.add({ path: "/users/ada", status: 307, headers: { Location: "/api/v1/users/countess" } });
    const answer = await workspaces.status("ada");
    expect(answer).toMatchObject({ status: 422, body: { error: "failed", code: "gitea.moved" } });
    expect(answer.body.message).toContain("/api/v1/users/countess");
  });

  it("refused credentials of our own are 503 and read again at the next question", async () => {
    const settings = { GITEA_TOKEN: "0".repeat(40) };
    const rotating = await startWorkspaces(world, settings);
    expect(await rotating.credentials("ada")).toMatchObject(later("gitea.unauthorized"));
    settings.GITEA_TOKEN = world.gitea.token;
    expect((await rotating.credentials("ada")).status).toBe(200);
    rotating.stop();
  });

  it("wrong settings are 503 and named in the log alone", async () => {
    const wrong = await startWorkspaces(world, { GITEA_AUTH_SOURCE_ID: "ldap", LDAP_BASE: undefined });
    expect(await wrong.status("ada")).toMatchObject(later("settings.wrong"));
    expect(world.lines.at(-1)?.reason).toMatch(/GITEA_AUTH_SOURCE_ID|LDAP_BASE/);
    wrong.stop();
  });

  it("a directory that is down is 503 and no token, for a status too", async () => {
    const before = await tokensOf(world, "ada");
    await world.slapd.stop();
    world.gitea.requests.splice(0);
    const answer = await workspaces.credentials({ user: "ada", session: "ada-2" });
    expect(answer).toMatchObject(later("ldap.unreachable"));
    expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(await workspaces.status("ada")).toMatchObject(later("ldap.unreachable"));
    expect(world.gitea.requests).toEqual([]);
    expect(await tokensOf(world, "ada")).toEqual(before);
  });
});
