import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import type { Envelope } from "#shared/envelope.ts";
import { commitByHand, commitsOf, filesOf } from "./support/commits.ts";
import { spawnOf } from "./support/envelopes.ts";
import { deliver, lettersOf, NOTHING_TO_DO, summary, walkTo } from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { addPerson, setAttribute } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

type State = Parameters<World["gitea"]["setState"]>[2];

const letters = (user: string) => lettersOf(world.letters(), user);
const reasonFor = (user: string) => world.letters().find(({ envelope }) => envelope?.delivery.user === user)?.reason;
const put = (uid: string, state: State) => world.gitea.setState("ilum-jupyterhub", `jupyterhub-${uid}`, state);

/** Every file with its blob's id: equal lists are equal bytes. */
async function filesWithIds(uid: string) {
  const tree = await world.view.get(`/repos/ilum-jupyterhub/jupyterhub-${uid}/git/trees/main?recursive=true`);
  return z.object({ tree: z.array(z.object({ path: z.string(), sha: z.string() })) }).parse(tree).tree;
}

async function arrive(uid: string) {
  await addPerson(world, { uid });
  const envelope: Envelope = await walkTo(world, "templates", spawnOf(uid));
  return () => deliver(world, "templates", envelope);
}

/** What a killed Gitea leaves behind (shared/gitea/README.md §4), and what becomes of the person. */
describe.runIf(IS_STAND_IN)("after a kill of Gitea, a repository", () => {
  it.each<State>(["A-missing", "A-empty", "A-headless"])(
    "without its files on disk (%s) is a letter that says what to do; once deleted, a replay makes it anew",
    async (state) => {
      const uid = state.toLowerCase();
      const ensure = await arrive(uid);
      await put(uid, state);
      await ensure();
      expect(letters(uid)).toEqual(["templates permanent repository.broken"]);
      expect(reasonFor(uid)).toContain("a Gitea admin deletes the repository, then replay");
      await world.view.send("DELETE", `/repos/ilum-jupyterhub/jupyterhub-${uid}`);
      await world.pass(spawnOf(uid));
      expect(await commitsOf(world, `jupyterhub-${uid}`)).toHaveLength(1);
    },
  );

  it("whose HEAD is on master (B) takes the files like any other", async () => {
    const ensure = await arrive("bea");
    await put("bea", "B");
    expect((await ensure()).lines).toMatchObject([{ event: "templates.created" }]);
    expect(summary(await world.pass(spawnOf("bea")))).toEqual(NOTHING_TO_DO);
  });

  it("that says empty although our commit is on disk (C) is healed by one commit without changes", async () => {
    await addPerson(world, { uid: "cal" });
    await world.pass(spawnOf("cal"));
    const files = await filesOf(world, "jupyterhub-cal");
    await put("cal", "C");
    const lines = await world.pass(spawnOf("cal"));
    expect(lines.at(-1)).toMatchObject({ event: "templates.updated", commit: expect.stringMatching(/^[0-9a-f]{40}$/) });
    const [healing, first, ...others] = await commitsOf(world, "jupyterhub-cal");
    expect(others).toEqual([]);
    expect(healing?.parents).toMatchObject([{ sha: first?.sha }]);
    expect(healing?.commit.message).toMatch(/\nHubforge-Delivery: d\d+\n$/);
    expect(await filesOf(world, "jupyterhub-cal")).toEqual(files);
    expect(summary(await world.pass(spawnOf("cal")))).toEqual(NOTHING_TO_DO);
  });

  it("that says empty (C) keeps every byte: of work under our trailer, and of files for an old name", async () => {
    const textOf = async (uid: string) =>
      await world.view.get(`/repos/ilum-jupyterhub/jupyterhub-${uid}/contents/README.md`);
    const ensure = await arrive("hea");
    const content = Buffer.from("my own work").toString("base64");
    const files = [{ operation: "create", path: "README.md", content }];
    const message = "Add starter notebooks\n\nHubforge-Delivery: d0";
    await world.view.send("POST", "/repos/ilum-jupyterhub/jupyterhub-hea/contents", { message, files }, "hea");
    await put("hea", "C");
    expect((await ensure()).lines).toMatchObject([{ event: "templates.updated" }]);
    expect(await textOf("hea")).toMatchObject({ content });

    await addPerson(world, { uid: "ida", cn: "Ida Old" });
    await world.pass(spawnOf("ida"));
    const before = await filesWithIds("ida");
    await put("ida", "C");
    await setAttribute(world, "ida", "cn", "Ida New");
    expect((await world.pass(spawnOf("ida"))).at(-1)).toMatchObject({ event: "templates.updated" });
    expect(await filesWithIds("ida")).toEqual(before);
  });

  it("that says empty (C) and holds nothing that can be read is left alone, with a letter", async () => {
    await addPerson(world, { uid: "jon" });
    await world.pass(spawnOf("jon"));
    await put("jon", "C");
    world.gitea.faults.add({ method: "GET", path: "/git/blobs/", status: 404, body: { message: "not found" } });
    await world.pass(spawnOf("jon"));
    expect(letters("jon")).toEqual(["templates permanent repository.unsettled"]);
  });

  it("that says empty although somebody else's commit is on disk (C) is left alone, with a letter", async () => {
    const ensure = await arrive("deb");
    await commitByHand(world, "ilum-jupyterhub/jupyterhub-deb", ["README.md"], "deb");
    const before = await commitsOf(world, "jupyterhub-deb");
    await put("deb", "C");
    await ensure();
    expect(letters("deb")).toEqual(["templates permanent repository.unsettled"]);
    expect(reasonFor("deb")).toContain(`commit ${before[0]?.sha} is on its disk and is not hubforge's`);
  });

  it("that only says empty for a moment, after a push, is not healed: its content stays as it was pushed", async () => {
    const ensure = await arrive("ela");
    await commitByHand(world, "ilum-jupyterhub/jupyterhub-ela", ["README.md"], "ela");
    const before = await commitsOf(world, "jupyterhub-ela");
    await put("ela", "C");
    const settling = ensure();
    setTimeout(() => void put("ela", "E"), 1000);
    expect((await settling).lines).toMatchObject([{ event: "templates.unchanged" }]);
    await world.view.get("/repos/ilum-jupyterhub/jupyterhub-ela/branches?page=1&limit=50");
    expect(await commitsOf(world, "jupyterhub-ela")).toEqual(before);
  });

  it("whose branch is not known (E) has content: nothing to do", async () => {
    await addPerson(world, { uid: "flo" });
    await world.pass(spawnOf("flo"));
    await put("flo", "E");
    expect(summary(await world.pass(spawnOf("flo")))).toEqual(NOTHING_TO_DO);
  });

  it("that Gitea never will take files for is a letter with Gitea's words", async () => {
    const ensure = await arrive("gus");
    const body = { message: "malformed path component", url: "" };
    world.gitea.faults.add({ method: "POST", path: "/contents", status: 422, body });
    await ensure();
    expect(letters("gus")).toEqual(["templates permanent gitea.refused"]);
    expect(reasonFor("gus")).toContain("malformed path component");
  });
});
