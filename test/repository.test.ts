import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { makeAccount } from "./support/accounts.ts";
import { spawnOf } from "./support/envelopes.ts";
import { deliver, discard, NOTHING_TO_DO, outcomes, requestsOf, summary, under, walkTo } from "./support/journeys.ts";
import { addPerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());
afterEach(() => discard(world, "templates"));

const ORG = "/repos/ilum-jupyterhub";
const spawn = async (user: string) => summary(await world.pass(spawnOf(user)));

/** The repository stage alone, for somebody who has got that far; the same envelope may go in again. */
async function arrive(uid: string) {
  await addPerson(world, { uid });
  const envelope = await walkTo(world, "repository", spawnOf(uid));
  return {
    ensure: async (using = world.handlers) => {
      const delivered = await deliver(world, "repository", envelope, using);
      return { ...delivered, outcomes: outcomes(delivered.lines) };
    },
  };
}

const Collaborators = z.array(z.object({ login: z.string() }));
async function collaborators(repository: string): Promise<string[]> {
  const found = Collaborators.parse(await world.view.get(`${ORG}/${repository}/collaborators?page=1&limit=50`));
  return found.map(({ login }) => login).sort();
}
async function teams(repository: string): Promise<string[]> {
  const found = await world.view.get(`${ORG}/${repository}/teams`);
  return z
    .array(z.object({ name: z.string() }))
    .parse(found)
    .map(({ name }) => name)
    .sort();
}
const forwarded = (user: string) =>
  world.envelopesIn("templates").find(({ delivery }) => delivery.user === user)?.repository;

describe("a person's repository", () => {
  it("is private, their team's, and theirs to share but not to lose; the second time nothing is written", async () => {
    const { ensure } = await arrive("ada2");
    expect((await ensure()).outcomes).toEqual(["repository.created"]);
    expect(forwarded("ada2")).toEqual({
      owner: "ilum-jupyterhub",
      name: "jupyterhub-ada2",
      isEmpty: true,
      defaultBranch: "main",
    });
    expect(await world.view.get(`${ORG}/jupyterhub-ada2`)).toMatchObject({ private: true, default_branch: "main" });
    expect(await teams("jupyterhub-ada2")).toEqual(["Owners", "ada2"]);
    expect(await world.view.get(`${ORG}/jupyterhub-ada2/collaborators/ada2/permission`)).toMatchObject({
      permission: "admin",
    });
    expect(await world.view.send("DELETE", `${ORG}/jupyterhub-ada2`, undefined, "ada2")).toBe(403);
    const again = await ensure();
    expect(again).toMatchObject({ outcomes: ["repository.unchanged"] });
    expect(again.lines).toMatchObject([{ giteaRequests: 2, giteaWrites: 0 }]);
    await world.drain();
  });

  it("can only be written to where sharing is off", async () => {
    const { ensure } = await arrive("bob2");
    const { handlers } = under(world, { GITEA_SHARING: "false" });
    expect((await ensure(handlers)).outcomes).toEqual(["repository.created"]);
    expect(await collaborators("jupyterhub-bob2")).toEqual([]);
    expect((await ensure(handlers)).outcomes).toEqual(["repository.unchanged"]);
    expect((await ensure()).outcomes).toEqual(["repository.updated"]);
    expect(await collaborators("jupyterhub-bob2")).toEqual(["bob2"]);
  });

  it("stays as its person has changed it: visible, described, shared, with branches", async () => {
    await addPerson(world, { uid: "cora" });
    await makeAccount(world, "friend");
    await spawn("cora");
    const place = `${ORG}/jupyterhub-cora`;
    const change = { private: false, description: "Spectra", website: "https://cora.example" };
    expect(await world.view.send("PATCH", place, change, "cora")).toBe(200);
    expect(await world.view.send("PUT", `${place}/collaborators/friend`, { permission: "read" }, "cora")).toBe(204);
    const files = [{ operation: "create", path: "mine.txt", content: Buffer.from("mine").toString("base64") }];
    const push = { message: "mine", new_branch: "mine", files };
    expect(await world.view.send("POST", `${place}/contents`, push, "cora")).toBe(201);
    const theirs = { private: false, description: "Spectra", website: "https://cora.example", name: "jupyterhub-cora" };
    expect(await world.view.get(place)).toMatchObject(theirs);
    expect(await spawn("cora")).toEqual(NOTHING_TO_DO);
    expect(await world.view.get(place)).toMatchObject(theirs);
    expect(await world.view.get(`${place}/branches/mine`)).toMatchObject({ name: "mine" });
    expect(await collaborators("jupyterhub-cora")).toEqual(["cora", "friend"]);
  });

  it("is found under the name that its person gave it, for one request more, and never made twice", async () => {
    await addPerson(world, { uid: "dean" });
    await spawn("dean");
    const usual = requestsOf(await world.pass(spawnOf("dean")));
    expect(await world.view.send("PATCH", `${ORG}/jupyterhub-dean`, { name: "thesis" }, "dean")).toBe(200);
    const lines = await world.pass(spawnOf("dean"));
    expect(summary(lines)).toEqual(NOTHING_TO_DO);
    expect(requestsOf(lines)).toBe(usual + 1);
    expect(lines.find(({ stage }) => stage === "repository")?.repository).toBe("ilum-jupyterhub/thesis");
    expect(await world.view.get(`${ORG}/thesis`)).toMatchObject({ name: "thesis" });
  });
});
