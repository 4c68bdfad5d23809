import * as z from "zod";
import { repositoryName, teamName } from "#shared/names.ts";
import type { GiteaView } from "./gitea-view.ts";
import { sessionTokens } from "./session-tokens.ts";
import type { World } from "./world.ts";

const Named = z.array(z.object({ name: z.string() })).transform((found) => found.map(({ name }) => name).toSorted());
const People = z
  .array(z.object({ login: z.string() }))
  .transform((found) => found.map(({ login }) => login).toSorted());
const Teams = z.array(
  z.object({ id: z.int(), name: z.string(), description: z.string(), units_map: z.record(z.string(), z.string()) }),
);
const Commits = z.array(
  z.object({
    sha: z.string(),
    commit: z.object({ message: z.string(), author: z.object({ name: z.string(), email: z.string() }) }),
    parents: z.array(z.unknown()).nullable(),
  }),
);
const User = z.object({
  login: z.string(),
  login_name: z.string(),
  source_id: z.int(),
  full_name: z.string(),
  email: z.string(),
  prohibit_login: z.boolean(),
});
const Repository = z.object({ private: z.boolean(), empty: z.boolean(), default_branch: z.string() });

/** Everything that hubforge may have made of one person, as Gitea's admin sees it; ids are left out. */
export async function personState(
  { view, gitea }: Pick<World, "view" | "gitea">,
  username: string,
  org = "ilum-jupyterhub",
) {
  const user = User.nullable().parse(await view.get(`/users/${username}`));
  const name = repositoryName(username, "jupyterhub-{username}");
  const path = `/repos/${org}/${name}`;
  const repository = Repository.nullable().parse(await view.get(path));
  return {
    user,
    teams: await teamsOf(view, username, org),
    repository,
    ...(repository && {
      repositoryTeams: Named.parse(await view.get(`${path}/teams`)),
      collaborators: await collaboratorsOf(view, path),
      commits: repository.empty ? [] : Commits.parse(await view.get(`${path}/commits?stat=false&limit=50`)),
      files: repository.empty ? [] : await filesOf(view, path),
    }),
    tokens: user ? await sessionTokens({ gitea }, username) : [],
  };
}

/** The names of all teams and repositories of an organisation: whatever was made twice is here twice. */
export async function organisationState({ view }: Pick<World, "view">, org: string) {
  return {
    teams: Named.parse((await view.get(`/orgs/${org}/teams?limit=50`)) ?? []),
    repositories: Named.parse((await view.get(`/orgs/${org}/repos?limit=50`)) ?? []),
  };
}

/** All teams that carry the person's name or hold them: two of one name would both be here. */
async function teamsOf(view: GiteaView, username: string, org: string) {
  const all: z.infer<typeof Teams> = [];
  for (let page = 1; ; page += 1) {
    const more = Teams.parse((await view.get(`/orgs/${org}/teams?page=${page}&limit=50`)) ?? []);
    all.push(...more);
    if (more.length < 50) break;
  }
  const found: { name: string; description: string; code: string | undefined; members: string[] }[] = [];
  for (const { id, name, description, units_map } of all) {
    const members = People.parse(await view.get(`/teams/${id}/members?limit=50`));
    const isTheirs = members.includes(username) || name === teamName(username, "{username}", []);
    if (isTheirs) found.push({ name, description, code: units_map["repo.code"], members });
  }
  return found;
}

async function collaboratorsOf(view: GiteaView, path: string) {
  const names = People.parse(await view.get(`${path}/collaborators`));
  const Permission = z.object({ permission: z.string() });
  return await Promise.all(
    names.map(async (name) => {
      const { permission } = Permission.parse(await view.get(`${path}/collaborators/${name}/permission`));
      return `${name} ${permission}`;
    }),
  );
}

async function filesOf(view: GiteaView, path: string) {
  const Tree = z.object({ tree: z.array(z.object({ path: z.string(), sha: z.string() })) });
  const { tree } = Tree.parse(await view.get(`${path}/git/trees/main?recursive=true`));
  return tree.map((file) => `${file.path} ${file.sha}`);
}
