import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { spawnOf } from "./support/envelopes.ts";
import { deliver, discard, lettersOf, retryOf, under, walkTo } from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { addGroup, addPerson, groupDn } from "./support/people.ts";
import { createHandlers, startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());
afterEach(async () => {
  if (IS_STAND_IN) world.gitea.faults.clear();
  await discard(world, "team", "templates");
});

describe("every list that a journey reads", () => {
  it.runIf(IS_STAND_IN)("is asked for page by page, 50 at a time", async () => {
    await addPerson(world, { uid: "lists" });
    await addGroup(world, "lists", ["lists"]);
    const teams = { [groupDn("lists")]: { team: "lists-team", permission: "read" } };
    world.gitea.requests.splice(0);
    await under(world, { GROUP_TEAMS: JSON.stringify(teams) }).pass(spawnOf("lists"));
    await world.pass(spawnOf("lists"));
    const lists = world.gitea.requests
      .filter(
        ({ method, path }) => method === "GET" && /search|\/user\/teams|\/members|\/collaborators|\/tokens/.test(path),
      )
      .map(({ path }) => path);
    expect(lists.length).toBeGreaterThan(3);
    expect(lists.filter((path) => !/[?&]page=1\b/.test(path) || !/[?&]limit=50\b/.test(path))).toEqual([]);
  });
});

describe("hubforge's own credentials", () => {
  it("are read again after a refusal: a rotated token costs no event", async () => {
    const environment = { ...world.environment, GITEA_TOKEN: "0".repeat(40) };
    const handlers = createHandlers(environment);
    await addPerson(world, { uid: "rotated" });
    const { lines, again } = await deliver(
      world,
      "account",
      await walkTo(world, "account", spawnOf("rotated")),
      handlers,
    );
    expect(retryOf(lines)).toMatchObject({ code: "gitea.unauthorized" });
    environment.GITEA_TOKEN = world.gitea.token;
    expect((await again()).isDone).toBe(true);
  });

  it.runIf(IS_STAND_IN)("may be a name and a password", async () => {
    const { username: GITEA_USERNAME, password: GITEA_PASSWORD } = world.gitea;
    const { GITEA_TOKEN, ...environment } = world.environment;
    await addPerson(world, { uid: "basic" });
    await world.sender.sendEnvelope("identity", spawnOf("basic"));
    await world.drain(createHandlers({ ...environment, GITEA_USERNAME, GITEA_PASSWORD }));
    expect(lettersOf(world.letters(), "basic")).toEqual([]);
    expect(await world.view.get("/repos/ilum-jupyterhub/jupyterhub-basic")).toMatchObject({ empty: false });
  });

  it.each([
    ["GITEA_TOKEN", "top secret\ntoken"],
    ["GITEA_TOKEN", "töken-secret…"],
    ["GITEA_URL", "http://svc:secret@127.0.0.1:1"],
  ])("that cannot be sent (%s) are refused before anything repeats them", async (variable, value) => {
    const { handlers } = under(world, { [variable]: value });
    await addPerson(world, { uid: `wrong${value.length}` });
    const envelope = await walkTo(world, "account", spawnOf(`wrong${value.length}`));
    const { lines, drop } = await deliver(world, "account", envelope, handlers);
    await drop();
    expect(retryOf(lines)).toMatchObject({ code: "settings.wrong", reason: expect.stringContaining(variable) });
    expect(JSON.stringify(lines)).not.toMatch(/secret|token"|svc:/);
  });
});

describe("secrets", () => {
  it("are in no line and in no letter of all that happened here", () => {
    const { GITEA_TOKEN = "", LDAP_BIND_PASSWORD = "" } = world.environment;
    const said = JSON.stringify([world.lines, world.letters()]);
    expect(world.lines.length).toBeGreaterThan(5);
    const secrets = [GITEA_TOKEN, LDAP_BIND_PASSWORD, world.gitea.password, "-password", "0".repeat(40), "Basic "];
    for (const secret of secrets.filter((text) => text !== "")) {
      expect(said).not.toContain(secret);
      expect(said).not.toContain(Buffer.from(`hubforge:${secret}`).toString("base64"));
    }
  });
});
