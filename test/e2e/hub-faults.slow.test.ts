import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { patiently } from "../support/eventually.ts";
import { terminalGit } from "../support/hub-driver.ts";
import { userServers } from "../support/hub-servers.ts";
import { type HubWorld, startHubWorld } from "../support/hub-world.ts";

/**
 * What goes wrong between a real hub and the whole pipeline. One hub for all: its servers outlive it, as on Kubernetes, and
 * each is a small web server, because what counts here happens beside it.
 */
vi.setConfig({ testTimeout: 120_000 });
let world: HubWorld;
beforeAll(async () => {
  world = await startHubWorld({
    hub: {
      HUBFORGE_HUB_SPAWNER: "spawners.FailingSpawner",
      HUBFORGE_HUB_COMMAND: JSON.stringify([
        "python3",
        "-S",
        new URL("../hub/tiny_server.py", import.meta.url).pathname,
      ]),
      HUBFORGE_HUB_CLEANUP: "false",
      HUBFORGE_HUB_READY_WAIT: "2",
      PYTHONPATH: new URL("../hub", import.meta.url).pathname,
    },
    isWithoutLdap: true,
    settings: { LDAP_ALLOWED_GROUPS: "[]" },
  });
}, 240_000);
afterAll(() => world?.stop());

const Event = z.object({
  type: z.string(),
  data: z.object({ user: z.string(), server: z.string(), session: z.string(), reason: z.string().optional() }),
});
type Sent = z.infer<typeof Event> & { delivery: string; status: number };

/** Every attempt of the hub that reached the gate with an event of this person. */
const attempts = (user: string): Sent[] =>
  world.gate.passed
    .filter(({ path }) => path === "/v1/events")
    .map(({ body, delivery, status }) => ({ ...Event.parse(JSON.parse(body)), delivery, status }))
    .filter(({ data }) => data.user === user);
const accepted = (user: string) => attempts(user).filter(({ status }) => status === 202);
const typesOf = (user: string) => accepted(user).map(({ type }) => type);
const cloneOf = (user: string) => join(world.home(user), `jupyterhub-${user}`);
const hasClone = (user: string) => existsSync(join(cloneOf(user), "IlumIntro.ipynb"));
const fetchIn = (user: string, server = "") =>
  terminalGit(world.environment(user, server), cloneOf(user), ["fetch", "--quiet"]);

/** How often each stage did something for this delivery. */
const effects = (delivery: string) =>
  world.stack.lines
    .filter((line) => line.delivery === delivery && line.outcome !== undefined)
    .map(({ stage }) => stage);

describe("while the ingress is down", () => {
  it("a server starts, and once it is up the repository and the clone come by themselves", async () => {
    await world.add("ada");
    await world.gate.refuse();
    await world.start("ada");
    expect(attempts("ada")).toEqual([]);
    await world.gate.reopen();
    await patiently(() => typesOf("ada")).toEqual(["server.spawning"]);
    await patiently(() => hasClone("ada")).toBe(true);
  });
});

describe("a hub that is killed outright while an answer is on its way", () => {
  it("sends the same id again when it is back, and that has one effect", async () => {
    await world.add("bob");
    world.gate.state.mode = "lose";
    await world.start("bob");
    await patiently(() => attempts("bob").length).toBeGreaterThan(0);
    await world.hub.stop("SIGKILL");
    world.gate.state.mode = "pass";
    const before = attempts("bob").length;
    await world.hub.start();
    await patiently(() => attempts("bob").length).toBeGreaterThan(before);
    const ids = new Set(attempts("bob").map(({ delivery }) => delivery));
    expect(ids.size).toBe(1);
    const [delivery = ""] = ids;
    expect(await world.stack.follow(delivery)).toMatchObject({ isDone: true });
    await patiently(() => hasClone("bob")).toBe(true);
    expect(effects(delivery)).toEqual(["identity", "account", "team", "repository", "templates"]);
    expect(await fetchIn("bob")).toMatchObject({ code: 0 });
  });
});

describe("an outbox that somebody deletes while servers run", () => {
  it("is begun anew, from the live servers, and their git works on", async () => {
    for (const ending of ["", "-wal", "-shm"]) rmSync(join(world.hub.dir, `hubforge.sqlite${ending}`), { force: true });
    await patiently(() => typesOf("ada")).toEqual(["server.spawning", "server.spawning"]);
    const [first, second] = accepted("ada");
    expect(second?.data.session).not.toBe(first?.data.session);
    expect(await fetchIn("ada")).toMatchObject({ code: 0 });
    expect(world.hub.log()).toContain("outbox.vanished");
  });
});

describe("a hub that is stopped with servers running", () => {
  it("and started again finds them, sends nothing twice, and their git works on", async () => {
    const before = world.gate.passed.filter(({ path }) => path === "/v1/events").length;
    const starts = () => world.hub.log().split("sender.started").length;
    const startsBefore = starts();
    await world.hub.stop();
    expect(userServers(world.hub).length).toBeGreaterThan(1);
    await world.hub.start();
    await patiently(() => world.isReady("ada")).toBe(true);
    await patiently(starts).toBe(startsBefore + 1);
    expect(await fetchIn("ada")).toMatchObject({ code: 0 });
    expect(world.gate.passed.filter(({ path }) => path === "/v1/events").length).toBe(before);
  });
});

describe("a server that is killed", () => {
  it("gets its stop, and its tokens are dead", async () => {
    const token = world.environment("bob")["JUPYTERHUB_API_TOKEN"] ?? "";
    for (const { pid, environment } of userServers(world.hub))
      if (environment["JUPYTERHUB_USER"] === "bob") process.kill(pid, "SIGKILL");
    await patiently(() => typesOf("bob").at(-1)).toBe("server.stopped");
    await patiently(async () => (await world.call("GET", "/user", { token })).status).toBe(403);
    const stop = accepted("bob").at(-1);
    await world.stack.follow(stop?.delivery ?? "");
    expect(effects(stop?.delivery ?? "")).toEqual(["release"]);
  });
});

describe("two named servers of one person", () => {
  it("have sessions of their own: the end of one leaves the other's git alive", async () => {
    await world.start("ada", "two");
    expect(await fetchIn("ada", "two")).toMatchObject({ code: 0 });
    expect(await fetchIn("ada")).toMatchObject({ code: 0 });
    await world.close("ada", "two");
    await patiently(() => accepted("ada").at(-1)).toMatchObject({ type: "server.stopped", data: { server: "two" } });
    expect(await world.stack.follow(accepted("ada").at(-1)?.delivery ?? "")).toMatchObject({ isDone: true });
    expect(await fetchIn("ada")).toMatchObject({ code: 0 });
  });
});

describe("a start that fails", () => {
  it("is a start and a failed stop", async () => {
    await world.add("jdoe");
    expect(await world.spawn("jdoe", "", { fail: "raise" })).toBe(500);
    await patiently(() => accepted("jdoe").map(({ type, data }) => [type, data.reason])).toEqual([
      ["server.spawning", undefined],
      ["server.stopped", "failed"],
    ]);
  });
});

describe("one person's message that is refused for ever", () => {
  it("is set aside with the answer, and others' go through", async () => {
    const odd = "dan\u{fffe}";
    await world.call("POST", `/users/${encodeURIComponent(odd)}`);
    await world.add("dan");
    await world.start(odd);
    await world.start("dan");
    await patiently(() => typesOf("dan")).toEqual(["server.spawning"]);
    await patiently(() => attempts(odd).map(({ status }) => status)).toEqual([422]);
    expect(world.hub.log()).toContain("delivery.parked");
  });
});

describe("while the ingress hangs", () => {
  it("a server starts within the time that it may wait, and the hub answers others", async () => {
    await world.add("ilumadmin");
    world.gate.state.mode = "hang";
    const begun = Date.now();
    const starting = world.start("ilumadmin");
    const slowest = Math.max(...(await Promise.all([1, 2, 3].map(timed))));
    await starting;
    expect(slowest).toBeLessThan(5_000);
    expect(Date.now() - begun).toBeLessThan(30_000);
    world.gate.state.mode = "pass";
    await patiently(() => typesOf("ilumadmin")).toEqual(["server.spawning"]);
    await world.stack.follow(accepted("ilumadmin")[0]?.delivery ?? "");
  });
});

async function timed(): Promise<number> {
  const begun = performance.now();
  await world.call("GET", "/users/ada");
  return performance.now() - begun;
}

describe("a Gitea that is 10 s slower than the notebook", () => {
  it("delays the clone and nothing else", async () => {
    world.stack.gitea?.faults.add({ method: "POST", pattern: "/orgs/.*/repos$", delayMilliseconds: 10_000 });
    await world.add("carol");
    await world.start("carol");
    expect(hasClone("carol")).toBe(false);
    await patiently(() => hasClone("carol")).toBe(true);
    // The held request is noted when it ends, which may be after the second try has made the repository.
    await patiently(() => world.stack.gitea?.requests.filter(({ isFault }) => isFault).length).toBe(1);
    expect(await fetchIn("carol")).toMatchObject({ code: 0 });
  });
});
