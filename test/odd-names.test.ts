import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { accountOf, teamsOf } from "./support/accounts.ts";
import { commitByHand, commitsOf, filesOf } from "./support/commits.ts";
import { spawnOf } from "./support/envelopes.ts";
import { startIngress } from "./support/ingress-server.ts";
import { deliver, lettersOf, NOTHING_TO_DO, outcomes, summary, under, walkTo } from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { addGroup, addPerson, groupDn } from "./support/people.ts";
import { eventBody, signedHeaders } from "./support/signed-event.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const letters = (user: string) => lettersOf(world.letters(), user);
const CREATED = ["identity.unchanged", "account.created", "team.created", "repository.created", "templates.created"];

/** A signed event at the ingress's door, and everything that follows from it. */
async function post(user: string, id: string) {
  using ingress = await startIngress({ send: world.sender.sendEnvelope });
  const body = eventBody({ user });
  const { status } = await ingress.post(body, signedHeaders(body, { id }));
  const groups = world.queues.messagesIn("identity").map(({ groupId }) => groupId);
  return { status, groups, lines: await world.drain() };
}

/** The one account of that LDAP name. */
async function accountFor(login: string): Promise<string> {
  const query = `source_id=${world.gitea.sourceId}&login_name=${encodeURIComponent(login)}`;
  const found = await world.view.get(`/admin/users?${query}&page=1&limit=50`);
  const [account, ...others] = z.array(z.object({ login: z.string() })).parse(found);
  expect(others).toEqual([]);
  return account?.login ?? "";
}

describe("a name that the real queue or Gitea refuses (F5)", () => {
  const long = "l".repeat(129);
  const seen = new Map<string, string>();

  it.each([
    ["müller", /^muller-h[0-9a-f]{12}$/],
    ["philip j. fry", /^philip-j-fry-h[0-9a-f]{12}$/],
    ["日本", /^user-h[0-9a-f]{12}$/],
    [long, /^l{26}-h[0-9a-f]{12}$/],
    ["a b", /^a-b-h[0-9a-f]{12}$/],
    ["a_b", /^a_b$/],
    ["ada@uni.example", /^ada-uni-example-h[0-9a-f]{12}$/],
    ["trailing.", /^trailing-h[0-9a-f]{12}$/],
    ["api", /^api-h[0-9a-f]{12}$/],
    ["hubforge", /^hubforge-h[0-9a-f]{12}$/],
  ])("is taken in, provisioned under a name of its own, and the same the second time: %s", async (user, name) => {
    await addPerson(world, { uid: user, mail: `person-${seen.size}@uni.example` });
    const { status, groups, lines } = await post(user, `odd-${seen.size}`);
    expect([status, groups.length, letters(user)]).toEqual([202, 1, []]);
    expect(outcomes(lines)).toEqual(CREATED);
    const account = await accountFor(user);
    expect(account).toMatch(name);
    expect(await teamsOf(world, account)).toEqual([account]);
    expect(await commitsOf(world, `jupyterhub-${account}`)).toHaveLength(1);
    expect(summary(await world.pass(spawnOf(user)))).toEqual(NOTHING_TO_DO);
    seen.set(user, groups[0] ?? "");
  });

  it("shares its group with nobody, and one person never has two", async () => {
    expect(new Set(seen.values()).size).toBe(seen.size);
    const upper = await post("Ada", "case-1");
    const lower = await post("ada", "case-2");
    expect(upper.groups).toEqual(lower.groups);
    expect(outcomes(upper.lines)).toEqual(CREATED);
    expect(summary(lower.lines)).toEqual(NOTHING_TO_DO);
    expect(await accountFor("ada")).toBe("ada");
  });

  it("is found in a letter as it was typed", async () => {
    await post("nobody müller", "odd-letter");
    expect(letters("nobody müller")).toEqual(["identity permanent person.unknown"]);
  });
});

describe("characters that SQS refuses (F7)", () => {
  it("are refused at the door, with the field's name, and nothing is queued", async () => {
    expect(await post("ada\uFFFF", "f7-door")).toMatchObject({ status: 422, groups: [] });
  });

  it("are cleaned in a name: the person is provisioned", async () => {
    await addPerson(world, { uid: "lovelace", cn: "Ada Lovelace\uFFFF" });
    expect(outcomes(await world.pass(spawnOf("lovelace")))).toEqual(CREATED);
    expect((await accountOf(world, "lovelace"))?.full_name).toBe("Ada Lovelace\uFFFD");
    expect(summary(await world.pass(spawnOf("lovelace")))).toEqual(NOTHING_TO_DO);
  });

  it("do no harm in a group's name or in the path of a template", async () => {
    await addPerson(world, { uid: "grouped" });
    await addGroup(world, "odd\uFFFEgroup", ["grouped"]);
    await addGroup(world, "plain", ["grouped"]);
    await world.view.send("POST", "/orgs", { username: "course", visibility: "private" });
    await world.view.send("POST", "/orgs/course/repos", { name: "odd", private: true, default_branch: "main" });
    await commitByHand(world, "course/odd", ["odd\uFFFEpath.md"]);
    const settings = {
      GROUP_TEAMS: JSON.stringify({ [groupDn("plain")]: { team: "plain", permission: "read" } }),
      TEMPLATES: "gitea:course/odd@main",
    };
    expect(outcomes(await under(world, settings).pass(spawnOf("grouped")))).toEqual(CREATED);
    expect(await teamsOf(world, "grouped")).toEqual(["grouped", "plain"]);
    expect(await filesOf(world, "jupyterhub-grouped")).toEqual(["odd\uFFFEpath.md"]);
  });

  it.runIf(IS_STAND_IN)("are cleaned in the reason of a letter, and that person's later events run", async () => {
    await addPerson(world, { uid: "refused" });
    const envelope = await walkTo(world, "repository", spawnOf("refused"));
    const body = { message: "no \uFFFE here", url: "" };
    world.gitea.faults.add({ method: "POST", path: "/orgs/ilum-jupyterhub/repos", status: 422, body });
    await deliver(world, "repository", envelope);
    expect(letters("refused")).toEqual(["repository permanent gitea.refused"]);
    const [letter] = world.letters().filter(({ envelope }) => envelope?.delivery.user === "refused");
    expect(letter?.reason).toContain("no \uFFFD here");
    expect(outcomes(await world.pass(spawnOf("refused")))).toContain("templates.created");
  });
});
