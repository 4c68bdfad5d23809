import { randomBytes } from "node:crypto";
import * as z from "zod";
import type { Answer, GiteaUnderTest } from "./gitea.ts";

/** A name that no earlier run has used, so that a real instance can be tested again and again. */
export function fresh(prefix: string): string {
  return `${prefix}${randomBytes(4).toString("hex")}`;
}

export function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
}

/** The id in an answer's body. */
export function idOf(answer: Answer): number {
  return z.object({ id: z.number() }).parse(answer.body).id;
}

const item = z.looseObject({ id: z.number().default(0), name: z.string().default("") });

/** What a list answered, also where Gitea wraps it in `data`; no items for no list. */
export function itemsIn(answer: Answer): z.infer<typeof item>[] {
  const wrapped = z.object({ data: z.array(item) });
  const parsed = z.union([z.array(item), wrapped.transform(({ data }) => data), z.null()]).parse(answer.body);
  return parsed ?? [];
}

/** The secret that a mint answered. */
export function secretIn(answer: Answer): string {
  return z.object({ sha1: z.string() }).parse(answer.body).sha1;
}

export interface Person {
  name: string;
  mail: string;
  /** Authorization by a password that this Gitea checks itself. */
  basic: string;
}

/** Somebody with a local account and no rights. */
export async function newPerson(gitea: GiteaUnderTest, name = fresh("person")): Promise<Person> {
  const password = `Pw-${randomBytes(8).toString("hex")}`;
  const mail = `${name}@example.org`;
  const body = { username: name, email: mail, password, must_change_password: false };
  const made = await gitea.send("POST", "/api/v1/admin/users", { body });
  if (made.status !== 201) throw new Error(`no account for ${name}: ${made.status} ${JSON.stringify(made.body)}`);
  return { name, mail, basic: basic(name, password) };
}

export interface Organisation {
  name: string;
  /** `/api/v1/orgs/…` */
  path: string;
  id: number;
}

export async function newOrganisation(gitea: GiteaUnderTest, name = fresh("org")): Promise<Organisation> {
  const body = { username: name, visibility: "private", repo_admin_change_team_access: false };
  const made = await gitea.send("POST", "/api/v1/orgs", { body });
  if (made.status !== 201) throw new Error(`no organisation: ${made.status} ${JSON.stringify(made.body)}`);
  return { name, path: `/api/v1/orgs/${name}`, id: idOf(made) };
}

/** A team with write, as the pipeline makes them. */
export async function newTeam(gitea: GiteaUnderTest, organisation: Organisation, name: string): Promise<number> {
  const units = { "repo.code": "write", "repo.issues": "write", "repo.pulls": "write" };
  const body = { name, permission: "write", units_map: units };
  return idOf(await gitea.send("POST", `${organisation.path}/teams`, { body }));
}

/** An empty private repository; returns its path below the API. */
export async function newRepository(gitea: GiteaUnderTest, organisation: Organisation, name: string): Promise<string> {
  const body = { name, private: true, auto_init: false, default_branch: "main" };
  const made = await gitea.send("POST", `${organisation.path}/repos`, { body });
  if (made.status !== 201) throw new Error(`no repository: ${made.status} ${JSON.stringify(made.body)}`);
  return `/api/v1/repos/${organisation.name}/${name}`;
}

/** A token of that person with these scopes, minted by the service. */
export async function newToken(gitea: GiteaUnderTest, person: string, scopes: string[]): Promise<string> {
  const as = basic(gitea.service, gitea.token);
  const body = { name: fresh("token"), scopes };
  return secretIn(await gitea.send("POST", `/api/v1/users/${person}/tokens`, { as, body }));
}
