import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commitByHand, commitsOf, filesOf } from "./support/commits.ts";
import { spawnOf } from "./support/envelopes.ts";
import { deliver, lettersOf, retryOf, under, walkTo } from "./support/journeys.ts";
import { IS_STAND_IN } from "./support/outside-gitea.ts";
import { addPerson } from "./support/people.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await world.view.send("POST", "/orgs", { username: "course", visibility: "private" });
  for (const name of ["starter", "empty"]) {
    await world.view.send("POST", "/orgs/course/repos", { name, private: true, default_branch: "main" });
  }
  await commitByHand(world, "course/starter", ["week 1/läb #1?.ipynb", "README.md", ".config"]);
});
afterAll(() => world.stop());

/** The templates stage with another source of files, for somebody new. */
async function fill(uid: string, TEMPLATES: string) {
  await addPerson(world, { uid });
  const envelope = await walkTo(world, "templates", spawnOf(uid));
  const { handlers } = under(world, { TEMPLATES });
  return await deliver(world, "templates", envelope, handlers);
}
const letterOf = (user: string) => world.letters().find(({ envelope }) => envelope?.delivery.user === user);

describe("an organisation's own template", () => {
  it("is copied file by file into one commit of the person's", async () => {
    await fill("ada2", "gitea:course/starter@main");
    expect(await filesOf(world, "jupyterhub-ada2")).toEqual([".config", "README.md", "week 1/läb #1?.ipynb"]);
    const [made, ...others] = await commitsOf(world, "jupyterhub-ada2");
    expect(others).toEqual([]);
    expect(made?.commit.author.email).toBe("ada2@uni.example");
    const copied = await world.view.get("/repos/ilum-jupyterhub/jupyterhub-ada2/contents/README.md");
    const original = await world.view.get("/repos/course/starter/contents/README.md");
    const sha = (file: unknown) => (typeof file === "object" && file !== null && "sha" in file ? file.sha : undefined);
    expect(sha(copied)).toBe(sha(original));
  });

  it("may be named by a commit, and is read once for everybody who follows", async () => {
    const [{ sha } = { sha: "" }] = await commitsByHand("course/starter");
    const { handlers } = under(world, { TEMPLATES: `gitea:course/starter@${sha}` });
    for (const uid of ["bob2", "bob3"]) {
      await addPerson(world, { uid });
      const { lines } = await deliver(world, "templates", await walkTo(world, "templates", spawnOf(uid)), handlers);
      expect(lines).toMatchObject([{ event: "templates.created" }]);
      const read = 1 + 3; // the tree and three files
      expect(lines[0]?.giteaRequests).toBe(uid === "bob2" ? 2 + read : 2);
    }
  });

  it("may be on a branch with a slash in its name, and have empty files and folders in folders", async () => {
    const file = (path: string, content: string) => ({ operation: "create", path, content });
    const files = [file("a/b/.gitkeep", ""), file("a/c.md", Buffer.from("c").toString("base64"))];
    const body = { message: "Week one", new_branch: "weeks/1", branch: "main", files };
    expect(await world.view.send("POST", "/repos/course/starter/contents", body)).toBe(201);
    await fill("slash", "gitea:course/starter@weeks/1");
    expect(await filesOf(world, "jupyterhub-slash")).toEqual([
      ".config",
      "README.md",
      "a/b/.gitkeep",
      "a/c.md",
      "week 1/läb #1?.ipynb",
    ]);
  });

  it.each([
    ["missing repository", "gitea:course/nothing@main", "template.missing"],
    ["missing branch", "gitea:course/starter@v9", "template.missing"],
    ["no files", "gitea:course/empty@main", "template.missing"],
  ])("that cannot be used is a letter that says why, and commits nothing: %s", async (name, source, code) => {
    const uid = name.replaceAll(" ", "-");
    await fill(uid, source);
    expect(letterOf(uid)).toMatchObject({ code, reason: expect.stringContaining("course/") });
    expect(await commitsOf(world, `jupyterhub-${uid}`)).toEqual([]);
  });

  it.runIf(IS_STAND_IN)("that is too large, or holds a link, is a letter", async () => {
    const tree = (mode: string, size: number, files = 1) => ({
      truncated: false,
      tree: Array.from({ length: files }, (_, place) => ({ path: `data${place}`, mode, size, sha: "0" })),
    });
    for (const [uid, body, code] of [
      ["large", tree("100644", 20_000_000), "template.too-large"],
      ["many", tree("100644", 1, 101), "template.too-large"],
      ["link", tree("120000", 10), "template.unusable"],
      ["module", tree("160000", 0), "template.unusable"],
      ["endless", { truncated: true, tree: [] }, "template.too-large"],
    ] as const) {
      world.gitea.faults.add({ method: "GET", path: "/course/starter/git/trees", status: 200, body });
      await fill(uid, "gitea:course/starter@main");
      expect(letterOf(uid)).toMatchObject({ code });
      world.gitea.faults.clear();
    }
  });

  it.runIf(IS_STAND_IN)("that cannot be read just now is read again, also by the same environment", async () => {
    await addPerson(world, { uid: "later" });
    const envelope = await walkTo(world, "templates", spawnOf("later"));
    const { handlers } = under(world, { TEMPLATES: "gitea:course/starter@main" });
    world.gitea.faults.add({ method: "GET", path: "/course/starter/contents", nth: 2, status: 503 });
    const first = await deliver(world, "templates", envelope, handlers);
    expect(retryOf(first.lines)?.code).toBe("gitea.failing");
    expect((await first.again()).isDone).toBe(true);
    expect(await commitsOf(world, "jupyterhub-later")).toHaveLength(1);
    expect(lettersOf(world.letters(), "later")).toEqual([]);
  });
});

async function commitsByHand(place: string): Promise<{ sha: string }[]> {
  const found = await world.view.get(`/repos/${place}/commits?page=1&limit=1`);
  return Array.isArray(found) ? found : [];
}
