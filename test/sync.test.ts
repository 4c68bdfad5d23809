import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { setAttribute } from "./support/people.ts";
import { personState } from "./support/person-state.ts";
import { eventsOf, spawn, startSyncWorld, sync, syncAndSettle } from "./support/sync.ts";
import type { World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startSyncWorld();
  await spawn(world, "ada", "bob");
});
afterAll(() => world.stop());

describe("the directory sync", () => {
  it("27 sends nothing and makes only list requests when nothing has changed", async () => {
    const { sent, requests, lines } = await sync(world);
    expect(sent).toEqual([]);
    expect(requests.filter((request) => !/^GET .*[?&]page=/.test(request))).toEqual([]);
    expect(eventsOf(lines, "sync.finished")).toMatchObject([{ counts: { people: 6, known: 2, sent: 0 } }]);
  });

  it("lets a new name and mail follow", async () => {
    await setAttribute(world, "ada", "cn", "Ada Byron");
    await setAttribute(world, "ada", "mail", "ada.byron@uni.example");
    const { sent } = await syncAndSettle(world);
    expect(sent.map(({ route, delivery }) => [route, delivery.hub, delivery.user])).toEqual([
      ["refresh", "sync", "ada"],
    ]);
    expect((await personState(world, "ada")).user).toMatchObject({
      full_name: "Ada Byron",
      email: "ada.byron@uni.example",
    });
    expect((await sync(world)).sent).toEqual([]);
  });
});
