import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectSync, type Progress, runSync } from "../functions/directory-sync/run-sync.ts";
import { addPerson, removePerson, setAttribute } from "./support/people.ts";
import { personState } from "./support/person-state.ts";
import { newPerson } from "./support/slapd.ts";
import { enrol, eventsOf, settle, startSyncWorld, sync, syncAndSettle, waitingIn } from "./support/sync.ts";
import type { World } from "./support/world.ts";

const STUDENTS = Array.from({ length: 25 }, (_, place) => `student${String(place).padStart(2, "0")}`);

let world: World;
beforeEach(async () => {
  world = await startSyncWorld();
});
afterEach(() => world.stop());

/** So many that Gitea's lists have a second page. */
async function fillGitea(count = 60): Promise<void> {
  for (let place = 0; place < count; place += 1) {
    const name = `local${String(place).padStart(2, "0")}`;
    const body = {
      username: name,
      email: `${name}@elsewhere.example`,
      password: "local-password",
      must_change_password: false,
    };
    expect(await world.view.send("POST", "/admin/users", body)).toBe(201);
  }
}

async function fails(code: string): Promise<void> {
  const before = world.lines.length;
  await expect(sync(world)).rejects.toMatchObject({ code });
  expect(eventsOf(world.lines.slice(before), "sync.incomplete")).toMatchObject([{ code, level: "error" }]);
  expect(world.envelopesIn("identity")).toEqual([]);
}

describe("a list that came back short (F4)", () => {
  it.each([
    ["page 2 answers 503", { status: 503 }, "gitea.failing"],
    [
      "page 2 is 200 with nothing while the total says more",
      { status: 200, body: [], headers: { "x-total-count": "63" } },
      "gitea.incomplete",
    ],
    ["403 half way", { status: 403 }, "gitea.unauthorized"],
    ["Gitea goes down half way", { drop: "before" as const, times: 2 }, "gitea.unreachable"],
  ])("ends the run loudly, takes nothing, and the next run completes: %s", async (_, fault, code) => {
    await enrol(world, "ada", "bob");
    await fillGitea();
    await removePerson(world, "ada");
    world.gitea.faults.add({ path: "/admin/users?page=2", ...fault });
    await fails(code);
    const { sent } = await sync(world);
    expect(sent.map(({ route, delivery }) => [route, delivery.user])).toEqual([["depart", "ada"]]);
  });

  it("asks once more where a connection breaks", async () => {
    await enrol(world, "ada");
    await fillGitea();
    world.gitea.faults.add({ path: "/admin/users?page=2", drop: "before" });
    expect((await sync(world)).answer.counts).toMatchObject({ accounts: 62 });
  });

  it("holds removals back when accounts come and go between two pages, and counts nobody twice", async () => {
    await enrol(world, "ada", "bob");
    await fillGitea();
    await removePerson(world, "ada");
    await setAttribute(world, "bob", "cn", "Bob Newname");
    world.gitea.faults.add({ path: "/admin/users?page=2", delayMilliseconds: 400 });
    const running = sync(world);
    await expect
      .poll(() => world.gitea.requests.filter(({ path }) => path.includes("/admin/users?page=1")).length)
      .toBe(1);
    const newcomer = { username: "aaa", email: "aaa@elsewhere.example", password: "local-password" };
    await world.view.send("POST", "/admin/users", newcomer);

    const { sent, lines } = await running;
    expect(sent.map(({ route, delivery }) => [route, delivery.user])).toEqual([["refresh", "bob"]]);
    expect(eventsOf(lines, "sync.held-back").map(({ reason }) => reason)).toEqual([
      expect.stringContaining("rows came or went while the list of accounts was read"),
    ]);
    const next = await syncAndSettle(world);
    expect(next.answer.guards).toEqual([]);
    expect((await personState(world, "ada")).user?.prohibit_login).toBe(true);
  });
});

describe("an outage", () => {
  it("12 of the directory in mid-run deactivates nobody, and the next run completes", async () => {
    await enrol(world, "ada", "bob");
    // So many that the directory's list has a second and a third page.
    await world.slapd.modify(Array.from({ length: 2_500 }, (_, place) => newPerson(`p${place}`)).join("\n"));
    await removePerson(world, "ada");
    let killed: Promise<void> | undefined;
    const cameBefore: number[] = [];
    const onProgress = ({ people }: Progress) => {
      if (people > 0) killed ??= world.slapd.stop("SIGKILL");
      cameBefore.push(people);
    };
    const signal = AbortSignal.timeout(30_000);
    const tools = (await connectSync(world.environment))({ signal, requests: { total: 0, writes: 0 } });
    await expect(runSync({ now: new Date(), onProgress }, tools)).rejects.toMatchObject({
      code: "ldap.unreachable",
    });
    await killed;
    expect(Math.max(...cameBefore)).toBe(250);
    expect([world.envelopesIn("identity"), waitingIn(world)]).toEqual([[], []]);

    await world.startSlapdAgain();
    const { sent } = await syncAndSettle(world);
    expect(sent.map(({ route, delivery }) => [route, delivery.user])).toEqual([["depart", "ada"]]);
    expect((await personState(world, "ada")).user?.prohibit_login).toBe(true);
  });

  it("12 of the directory before a run deactivates nobody", async () => {
    await enrol(world, "ada");
    await world.slapd.stop("SIGKILL");
    await fails("ldap.unreachable");
    expect((await personState(world, "ada")).user?.prohibit_login).toBe(false);
  });

  it("of one side ends the other's reading as well: Gitea is asked for nothing more", async () => {
    await enrol(world, "ada");
    await fillGitea();
    world.gitea.faults.add({ path: "/admin/users?page=1", delayMilliseconds: 600 });
    await world.slapd.stop("SIGKILL");
    await fails("ldap.unreachable");
    // Answered after the page that was under way would have been.
    world.gitea.faults.add({ path: "/version", delayMilliseconds: 1_200 });
    await world.view.send("GET", "/version");
    expect(world.gitea.requests.filter(({ path }) => path.includes("/admin/users?page=2"))).toEqual([]);
  });

  it("of the queue after half of the batches loses nothing and does nothing twice", async () => {
    for (const name of STUDENTS) await addPerson(world, { uid: name });
    await enrol(world, ...STUDENTS);
    for (const name of STUDENTS) await setAttribute(world, name, "cn", `New ${name}`);
    world.queues.setFault(({ action, body }) =>
      action === "SendMessageBatch" && body.includes("student15") ? "down" : undefined,
    );
    const before = world.lines.length;
    await expect(sync(world)).rejects.toMatchObject({ code: "queue.unreachable" });
    expect(eventsOf(world.lines.slice(before), "sync.incomplete")).toMatchObject([
      { counts: { people: 31, sent: 15 } },
    ]);

    world.queues.setFault(undefined);
    const { sent } = await sync(world);
    expect(sent.map(({ delivery }) => delivery.user).toSorted()).toEqual(STUDENTS);
    const stages = await settle(world);
    expect(stages.filter(({ event }) => event === "account.updated")).toHaveLength(25);
    expect((await sync(world)).sent).toEqual([]);
  }, 60_000);

  it("of a part of one batch ends the run loudly, and the next one sends the rest under the same ids", async () => {
    const some = STUDENTS.slice(0, 8);
    for (const name of some) await addPerson(world, { uid: name });
    await enrol(world, ...some);
    for (const name of some) await setAttribute(world, name, "cn", `New ${name}`);
    world.queues.setFault(({ action }) => (action === "SendMessageBatch" ? "partly" : undefined));
    const before = world.lines.length;
    await expect(sync(world)).rejects.toMatchObject({
      code: "queue.refused",
      message: '4 messages were not taken, student01\'s with "InternalError: try again"',
    });
    expect(eventsOf(world.lines.slice(before), "sync.incomplete")).toMatchObject([
      { code: "queue.refused", level: "error", counts: { sent: 4 } },
    ]);
    world.queues.setFault(undefined);
    const { stages } = await syncAndSettle(world);
    expect(stages.filter(({ event }) => event === "account.updated")).toHaveLength(8);
    expect((await sync(world)).sent).toEqual([]);
  });

  it("18 that takes longer than the function may ends with how far it came", async () => {
    await enrol(world, "ada");
    world.gitea.faults.add({ path: "/admin/users?page=1", delayMilliseconds: 3_000, times: "always" });
    const before = world.lines.length;
    await expect(sync(world, {}, {}, 1_000)).rejects.toMatchObject({ code: "gitea.unreachable" });
    expect(eventsOf(world.lines.slice(before), "sync.incomplete")).toMatchObject([
      { counts: { people: 6, accounts: 0, sent: 0 } },
    ]);
  });
});

describe("Gitea's own sync", () => {
  it("is warned of while it runs beside hubforge's, unless names and mails are left to it", async () => {
    await enrol(world, "ada");
    expect(eventsOf((await sync(world)).lines, "sync.noticed")).toEqual([]);
    expect(await world.view.send("POST", "/admin/cron/sync_external_users")).toBe(204);
    expect(eventsOf((await sync(world)).lines, "sync.noticed")).toMatchObject([{ code: "gitea.native-sync" }]);
    const left = await sync(world, {}, { GITEA_NATIVE_SYNC: "true" });
    expect(eventsOf(left.lines, "sync.noticed")).toEqual([]);
  });

  it.each([404, 403, 503])("costs nobody the run when it cannot be told: /admin/cron answers %i", async (status) => {
    await enrol(world, "ada");
    await setAttribute(world, "ada", "cn", "Ada Byron");
    world.gitea.faults.add({ path: "/admin/cron", status, times: "always" });
    const { lines, sent } = await sync(world);
    expect(sent).toHaveLength(1);
    expect(eventsOf(lines, "sync.noticed")).toMatchObject([
      { code: "gitea.native-sync", reason: expect.stringContaining("cannot be told") },
    ]);
  });
});
