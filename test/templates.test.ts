import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Envelope } from "#shared/envelope.ts";
import { firstCommit } from "#shared/git-objects.ts";
import { starterFiles } from "../functions/templates/starter-files.ts";
import { commitByHand, commitsOf, filesOf } from "./support/commits.ts";
import { spawnOf } from "./support/envelopes.ts";
import { deliver, lettersOf, NOTHING_TO_DO, outcomes, retryOf, summary, walkTo } from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { addPerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const letters = (user: string) => lettersOf(world.letters(), user);

/** The templates stage alone, for somebody whose repository is there and empty. */
async function arrive(uid: string, cn = `Person ${uid}`) {
  await addPerson(world, { uid, cn });
  const envelope = await walkTo(world, "templates", spawnOf(uid));
  return {
    envelope,
    ensure: (change: Partial<Envelope> = {}) => deliver(world, "templates", { ...envelope, ...change }),
  };
}

/** As if the event had only just come in: the stage believes what the repository stage saw. */
const justNow = ({ delivery }: Envelope) => ({
  delivery: { ...delivery, receivedAt: new Date().toISOString() },
});

const commit = (user: string) => commitsOf(world, `jupyterhub-${user}`);

describe("the starter files", () => {
  it("are one commit by the person, committed by hubforge, with the id that was computed beforehand", async () => {
    const { envelope, ensure } = await arrive("ada2", "Ada <Byron>, Countess.");
    const { lines } = await ensure();
    const [made, ...others] = await commit("ada2");
    expect(others).toEqual([]);
    expect(made).toMatchObject({
      parents: [],
      commit: {
        message: `Add starter notebooks\n\nHubforge-Delivery: ${envelope.delivery.id}\n`,
        author: { name: "Ada Byron, Countess", email: "ada2@uni.example", date: "2026-11-24T09:00:00Z" },
        committer: { name: "hubforge", email: "ilum@ilum", date: "2026-11-24T09:00:00Z" },
      },
    });
    const person = { username: "ada2", fullName: "Ada <Byron>, Countess.", repository: "jupyterhub-ada2" };
    const files = starterFiles({ ...person, livyUrl: "http://ilum-core:9888" });
    const { sha } = firstCommit({
      files,
      message: `Add starter notebooks\n\nHubforge-Delivery: ${envelope.delivery.id}`,
      author: { name: "Ada Byron, Countess", email: "ada2@uni.example" },
      committer: { name: "hubforge", email: "ilum@ilum" },
      date: new Date("2026-11-24T09:00:00Z"),
    });
    expect(made?.sha).toBe(sha);
    expect(lines).toMatchObject([{ event: "templates.created", commit: sha }]);
    expect(lines[0]).not.toHaveProperty("notices");
    expect(await filesOf(world, "jupyterhub-ada2")).toEqual(files.map(({ path }) => path).sort());
  });

  it("are committed once: a second delivery finds that commit and writes nothing", async () => {
    const { ensure } = await arrive("bob2");
    const first = await ensure();
    const { lines } = await first.again();
    expect(lines).toMatchObject([
      { event: "templates.unchanged", giteaWrites: 0, commit: (await commit("bob2"))[0]?.sha },
    ]);
    expect(await commit("bob2")).toHaveLength(1);
  });

  it("are never brought again: not when the person deleted or changed them, not in another delivery", async () => {
    await addPerson(world, { uid: "cora" });
    await world.pass(spawnOf("cora"));
    await commitByHand(world, "ilum-jupyterhub/jupyterhub-cora", ["mine.ipynb"], "cora");
    const before = await commit("cora");
    expect(summary(await world.pass(spawnOf("cora")))).toEqual(NOTHING_TO_DO);
    expect(await commit("cora")).toEqual(before);
  });

  it("carry a name even where the directory's has no letter that Git takes", async () => {
    const { ensure } = await arrive("dot", "...");
    await ensure();
    expect((await commit("dot"))[0]?.commit.author.name).toBe("dot");
  });
});

describe("a push that comes first", () => {
  it("stays alone: whoever waited longer than a journey takes looks again before committing", async () => {
    const { ensure } = await arrive("early");
    await commitByHand(world, "ilum-jupyterhub/jupyterhub-early", ["first.ipynb"], "early");
    const { lines } = await ensure();
    expect(lines).toMatchObject([{ event: "templates.unchanged", giteaWrites: 0 }]);
    expect(await filesOf(world, "jupyterhub-early")).toEqual(["first.ipynb"]);
  });

  it("in the moment between two requests has the files laid on top, and the line is loud about it", async () => {
    const { envelope, ensure } = await arrive("quick");
    await commitByHand(world, "ilum-jupyterhub/jupyterhub-quick", ["first.ipynb"], "quick");
    const { lines } = await ensure(justNow(envelope));
    expect(lines).toMatchObject([
      { event: "templates.created", notices: ["somebody pushed first; the starter files were laid on top"] },
    ]);
    expect(await filesOf(world, "jupyterhub-quick")).toContain("first.ipynb");
  });

  it("has nothing laid on top when the clock that took the event in runs ahead", async () => {
    const { envelope, ensure } = await arrive("ahead");
    await commitByHand(world, "ilum-jupyterhub/jupyterhub-ahead", ["first.ipynb"], "ahead");
    const receivedAt = new Date(Date.now() + 60_000).toISOString();
    const { lines } = await ensure({ delivery: { ...envelope.delivery, receivedAt } });
    expect(lines).toMatchObject([{ event: "templates.unchanged" }]);
    expect(await filesOf(world, "jupyterhub-ahead")).toEqual(["first.ipynb"]);
  });

  it("of the same file is never overwritten", async () => {
    const { envelope, ensure } = await arrive("same");
    await commitByHand(world, "ilum-jupyterhub/jupyterhub-same", ["README.md"], "same");
    const { lines } = await ensure(justNow(envelope));
    expect(lines).toMatchObject([{ event: "templates.unchanged" }]);
    expect(await filesOf(world, "jupyterhub-same")).toEqual(["README.md"]);
  });
});

describe("a repository that moved while its files were on the way", () => {
  it("is filled at its new place, and only if its own team has it there", async () => {
    const { envelope, ensure } = await arrive("moved");
    await world.view.send("PATCH", "/repos/ilum-jupyterhub/jupyterhub-moved", { name: "elsewhere" }, "moved");
    const { lines } = await ensure(justNow(envelope));
    expect(lines).toMatchObject([{ event: "templates.created", repository: "ilum-jupyterhub/elsewhere" }]);
    expect(await commitsOf(world, "elsewhere")).toHaveLength(1);

    const gone = await arrive("gone");
    await world.view.send("DELETE", "/repos/ilum-jupyterhub/jupyterhub-gone");
    await gone.ensure(justNow(gone.envelope));
    expect(letters("gone")).toEqual(["templates permanent repository.gone"]);
  });

  it("is left in peace when its person has archived it", async () => {
    const { envelope, ensure } = await arrive("arch");
    await world.view.send("PATCH", "/repos/ilum-jupyterhub/jupyterhub-arch", { archived: true }, "arch");
    const { lines } = await ensure(justNow(envelope));
    expect(lines).toMatchObject([
      { event: "templates.unchanged", notices: ["ilum-jupyterhub/jupyterhub-arch is archived"] },
    ]);
  });
});

describe.runIf(IS_STAND_IN)("an answer that does not come, or lies", () => {
  it("is settled by reading back: one commit, whose id the line names", async () => {
    const { envelope, ensure } = await arrive("lost");
    world.gitea.faults.add({ method: "POST", path: "/contents", drop: "after" });
    const lost = await ensure(justNow(envelope));
    expect(retryOf(lost.lines)?.code).toBe("gitea.unreachable");
    const { lines } = await lost.again();
    const [made, ...others] = await commit("lost");
    expect(others).toEqual([]);
    expect(lines).toMatchObject([{ event: "templates.unchanged", commit: made?.sha }]);
  });

  it("to the slower of two first commits at once is 500, and there is one commit", async () => {
    const { envelope } = await arrive("twin");
    await world.sender.sendEnvelope("templates", {
      ...envelope,
      ...justNow(envelope),
      replay: { number: 1, failedAt: [] },
    });
    const record = await world.receive("templates");
    if (!record) throw new Error("nothing arrived");
    world.gitea.switches.commitMilliseconds = 50;
    const both = await Promise.all([world.invoke("templates", record), world.invoke("templates", record)]);
    world.gitea.switches.commitMilliseconds = 0;
    expect(both.map(({ isDone }) => isDone)).toEqual([true, true]);
    const statuses = world.gitea.requests.filter(({ path }) => path.endsWith("/jupyterhub-twin/contents"));
    expect(statuses.map(({ status }) => status).sort()).toEqual([201, 500]);
    expect(await commit("twin")).toHaveLength(1);
  });

  it("500 with nothing written is tried again; 423 of no archive, too, with Gitea's own waiting time", async () => {
    const { envelope, ensure } = await arrive("busy");
    world.gitea.faults.add({ method: "POST", path: "/contents", status: 500 });
    const failed = await ensure(justNow(envelope));
    expect(retryOf(failed.lines)?.code).toBe("gitea.failing");
    world.gitea.faults.clear();
    world.gitea.faults.add({ method: "POST", path: "/contents", status: 423, headers: { "retry-after": "77" } });
    expect(retryOf((await failed.again()).lines)).toMatchObject({ code: "gitea.failing", retryInSeconds: 77 });
    expect(outcomes((await failed.again()).lines)).toEqual(["templates.created"]);
    expect(await commit("busy")).toHaveLength(1);
  });

  it("201 with another id than computed is believed, and the line asks about signing", async () => {
    const { envelope, ensure } = await arrive("signed");
    const body = { commit: { sha: "f".repeat(40), parents: [] } };
    world.gitea.faults.add({ method: "POST", path: "/contents", status: 201, body });
    const { lines } = await ensure(justNow(envelope));
    expect(lines).toMatchObject([{ event: "templates.created", notices: [expect.stringContaining("SIGNING_KEY")] }]);
  });
});
