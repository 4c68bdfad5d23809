import * as z from "zod";
import type { World } from "./world.ts";

const Account = z.object({
  id: z.int(),
  login: z.string(),
  login_name: z.string(),
  source_id: z.int(),
  full_name: z.string(),
  email: z.string(),
  is_admin: z.boolean(),
  active: z.boolean(),
  prohibit_login: z.boolean(),
});
export type Account = z.infer<typeof Account>;

const Team = z.object({
  id: z.int(),
  name: z.string(),
  description: z.string(),
  permission: z.string(),
  includes_all_repositories: z.boolean(),
  units_map: z.record(z.string(), z.string()).nullish(),
});

type Seen = Pick<World, "view">;

/** The account as an admin sees it; null when there is none. */
export async function accountOf({ view }: Seen, name: string): Promise<Account | null> {
  return Account.nullable().parse(await view.get(`/users/${name}`));
}

/** Every account that is not the service's, by name: what a test may compare with what it expects to be all. */
export async function accountNames({ view }: Seen): Promise<string[]> {
  const accounts = z.array(Account).parse(await view.get("/admin/users?page=1&limit=50"));
  return accounts.map(({ login }) => login).sort();
}

/** An account that somebody made by hand. A local one has a password of its own. */
export async function makeAccount(
  { view }: Seen,
  username: string,
  change: Record<string, unknown> = {},
): Promise<void> {
  const status = await view.send("POST", "/admin/users", {
    username,
    email: `${username}@by-hand.example`,
    password: "Local-password-1",
    must_change_password: false,
    ...change,
  });
  if (status !== 201) throw new Error(`no account ${username}: ${status}`);
}

/** What an admin changes by hand; the link must be named again. */
export async function changeAccount(seen: Seen, name: string, change: Record<string, unknown>): Promise<void> {
  const account = await accountOf(seen, name);
  const link = { login_name: account?.login_name || name, source_id: account?.source_id };
  const status = await seen.view.send("PATCH", `/admin/users/${name}`, { ...link, ...change });
  if (status !== 200) throw new Error(`${name} was not changed: ${status}`);
}

/** A real sign-in with a password, as a person does it on the web or with Git. The first one may make the account. */
export async function signIn(
  { environment }: Pick<World, "environment">,
  name: string,
  password: string,
): Promise<number> {
  const credentials = Buffer.from(`${name}:${password}`).toString("base64");
  const headers = { Authorization: `Basic ${credentials}` };
  const response = await fetch(`${environment["GITEA_URL"]}/api/v1/user`, { headers, redirect: "manual" });
  await response.body?.cancel();
  return response.status;
}

export async function teamsNamed({ view }: Seen, name: string): Promise<z.infer<typeof Team>[]> {
  const found = await view.get(`/orgs/ilum-jupyterhub/teams/search?q=${name}&page=1&limit=50`);
  if (found === null) return [];
  return z
    .object({ data: z.array(Team) })
    .parse(found)
    .data.filter((team) => team.name === name);
}

export async function teamNamed(seen: Seen, name: string): Promise<z.infer<typeof Team>> {
  const [team] = await teamsNamed(seen, name);
  if (!team) throw new Error(`there is no team ${name}`);
  return team;
}

export async function membersOf(seen: Seen, team: string): Promise<string[]> {
  const { id } = await teamNamed(seen, team);
  const members = await seen.view.get(`/teams/${id}/members?page=1&limit=50`);
  return z
    .array(z.object({ login: z.string() }))
    .parse(members)
    .map(({ login }) => login)
    .sort();
}

/** The names of the teams of our organisation that the account is in. */
export async function teamsOf(seen: Seen & Pick<World, "environment">, name: string): Promise<string[]> {
  const { environment } = seen;
  const response = await fetch(`${environment["GITEA_URL"]}/api/v1/user/teams?page=1&limit=50`, {
    headers: { Authorization: `token ${environment["GITEA_TOKEN"]}`, Sudo: name },
  });
  return z
    .array(z.object({ name: z.string() }))
    .parse(await response.json())
    .map((team) => team.name)
    .sort();
}

const UNITS = { "repo.code": "write", "repo.issues": "write", "repo.pulls": "write" };

/** A team that somebody made by hand: without a mark, with write unless told otherwise. */
export async function makeTeam(seen: Seen, name: string, members: string[], change: Record<string, unknown> = {}) {
  await seen.view.send("POST", "/orgs", { username: "ilum-jupyterhub", visibility: "private" });
  const body = { name, permission: "write", units_map: UNITS, ...change };
  const status = await seen.view.send("POST", "/orgs/ilum-jupyterhub/teams", body);
  if (status !== 201) throw new Error(`no team ${name}: ${status}`);
  const { id } = await teamNamed(seen, name);
  for (const member of members) await seen.view.send("PUT", `/teams/${id}/members/${member}`);
  return id;
}
