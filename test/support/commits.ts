import * as z from "zod";
import type { World } from "./world.ts";

const Person = z.object({ name: z.string(), email: z.string(), date: z.string() });
const Commits = z.array(
  z.object({
    sha: z.string(),
    parents: z.array(z.object({ sha: z.string() })).nullable(),
    commit: z.object({ message: z.string(), author: Person, committer: Person }),
  }),
);
export type Commit = z.infer<typeof Commits>[number];

/** The commits of the default branch, newest first; none where the repository is empty. */
export async function commitsOf({ view }: Pick<World, "view">, repository: string): Promise<Commit[]> {
  const found = await view.get(`/repos/ilum-jupyterhub/${repository}`);
  const { empty } = z.object({ empty: z.boolean() }).parse(found);
  if (empty) return [];
  return Commits.parse(await view.get(`/repos/ilum-jupyterhub/${repository}/commits?page=1&limit=50`));
}

/** The paths of all files, sorted. */
export async function filesOf({ view }: Pick<World, "view">, repository: string): Promise<string[]> {
  const tree = z.object({ tree: z.array(z.object({ path: z.string(), type: z.string() })) });
  const found = tree.parse(await view.get(`/repos/ilum-jupyterhub/${repository}/git/trees/main?recursive=true`));
  return found.tree.flatMap(({ path, type }) => (type === "blob" ? [path] : [])).sort();
}

/** What somebody commits through the API by hand. */
export async function commitByHand({ view }: Pick<World, "view">, place: string, paths: string[], as?: string) {
  const files = paths.map((path) => ({ operation: "create", path, content: Buffer.from(path).toString("base64") }));
  const status = await view.send("POST", `/repos/${place}/contents`, { message: "By hand", files }, as);
  if (status !== 201) throw new Error(`nothing was committed to ${place}: ${status}`);
}
