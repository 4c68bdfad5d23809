import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { startStandIn, temporaryFolder } from "./support/gitea-stand-in.ts";

const folder = await temporaryFolder();

describe("a fault", async () => {
  const { gitea, tested } = await startStandIn({ dir: join(folder, "faults") });
  const { send } = tested;
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
