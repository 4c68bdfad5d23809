import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spawnOf } from "./support/envelopes.ts";
import { outcomes } from "./support/journeys.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

describe("identity", () => {
  it("tells the stages after it who ada is", async () => {
    const { isDone, lines } = await world.step("identity", spawnOf("ada"));
    expect({ isDone, outcomes: outcomes(lines) }).toEqual({ isDone: true, outcomes: ["identity.unchanged"] });
    const [forwarded] = world.envelopesIn("account");
    expect(forwarded?.identity).toMatchObject({ username: "ada", fullName: "Ada Lovelace", email: "ada@uni.example" });
    expect(forwarded?.directoryId).toBe(forwarded?.identity?.directoryId);
    await world.drain();
  });
});
