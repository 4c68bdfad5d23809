import { createHash } from "node:crypto";
import { join } from "node:path";
import { type Journal, openJournal, type Table } from "./journal.ts";
import {
  type Account,
  type Activity,
  accountRow,
  activityRow,
  type Key,
  keyRow,
  type Redirect,
  type Repository,
  redirectRow,
  repositoryRow,
  type Team,
  type Token,
  taskRow,
  teamRow,
  tokenRow,
} from "./rows.ts";
import type { Switches } from "./switches.ts";

/** The one LDAP source of this Gitea, as its administrator would have added it. */
export interface LdapSource {
  url: string;
  bindDn: string;
  bindPassword: string;
  userBase: string;
  /** `%s` is what was typed, or the row's login name. */
  userFilter: string;
  sourceId?: number;
  attributes?: { username?: string; firstName?: string; surname?: string; mail?: string };
}

/** Everything the routes share: the rows, where the repositories lie, the one LDAP source, the switches. */
export interface World {
  readonly journal: Journal;
  readonly accounts: Table<Account>;
  readonly teams: Table<Team>;
  readonly repositories: Table<Repository>;
  readonly tokens: Table<Token>;
  readonly keys: Table<Key>;
  readonly redirects: Table<Redirect>;
  readonly activities: Table<Activity>;
  readonly tasks: Table<{ id: number; name: string; runs: number; lastRunAt: string }>;
  readonly dir: string;
  readonly sourceId: number;
  readonly ldap: LdapSource | undefined;
  readonly switches: Switches;
  /** Whether it may be killed without killing somebody's test. */
  readonly hasOwnProcess: boolean;
  /** ROOT_URL without the trailing slash; known once the port is. */
  rootUrl: string;
  /** Row changes that a push has queued (`empty` follows later); a stop makes them at once, a kill never. */
  readonly queued: Map<NodeJS.Timeout, () => void>;
}

export function openWorld(
  dir: string,
  options: { ldap: LdapSource | undefined; switches: Switches; hasOwnProcess: boolean },
): World {
  const { ldap } = options;
  const journal = openJournal(join(dir, "journal.jsonl"));
  return {
    journal,
    accounts: journal.table("account", accountRow),
    teams: journal.table("team", teamRow),
    repositories: journal.table("repository", repositoryRow),
    tokens: journal.table("token", tokenRow),
    keys: journal.table("key", keyRow),
    redirects: journal.table("redirect", redirectRow),
    activities: journal.table("activity", activityRow),
    tasks: journal.table("task", taskRow),
    dir,
    sourceId: ldap?.sourceId ?? 1,
    ...options,
    rootUrl: "http://127.0.0.1",
    queued: new Map(),
  };
}

export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}

export function accountByName(world: World, name: string): Account | undefined {
  const lower = name.toLowerCase();
  return world.accounts.all().find((account) => account.lowerName === lower);
}

export function organisationByName(world: World, name: string): Account | undefined {
  const account = accountByName(world, name);
  return account?.kind === "organisation" ? account : undefined;
}

export function accountByMail(world: World, mail: string): Account | undefined {
  const lower = mail.toLowerCase();
  return world.accounts.all().find((account) => account.kind === "person" && account.email.toLowerCase() === lower);
}

export function repositoryByName(world: World, ownerId: number, name: string): Repository | undefined {
  const lower = name.toLowerCase();
  return world.repositories.all().find((row) => row.ownerId === ownerId && row.lowerName === lower);
}

export function teamsOf(world: World, organisationId: number): Team[] {
  return world.teams.all().filter((team) => team.organisationId === organisationId);
}

/** Where a given-up name leads; `ownerId` 0 for accounts. */
export function redirectTarget(world: World, ownerId: number, name: string): number | undefined {
  const lower = name.toLowerCase();
  return world.redirects.all().find((row) => row.ownerId === ownerId && row.lowerName === lower)?.targetId;
}

export function forgetRedirect(world: World, ownerId: number, name: string): void {
  const lower = name.toLowerCase();
  for (const row of world.redirects.all()) {
    if (row.ownerId === ownerId && row.lowerName === lower) world.redirects.remove(row.id);
  }
}

export function leaveRedirect(world: World, from: { ownerId: number; name: string }, targetId: number): void {
  forgetRedirect(world, from.ownerId, from.name);
  world.redirects.insert({ ownerId: from.ownerId, lowerName: from.name.toLowerCase(), targetId });
}

export function repositoryDir(world: World, repository: Repository): string {
  const owner = world.accounts.get(repository.ownerId);
  return directoryFor(world, owner?.lowerName ?? "", repository.lowerName);
}

export function directoryFor(world: World, ownerLowerName: string, lowerName: string): string {
  return join(world.dir, "repositories", ownerLowerName, `${lowerName}.git`);
}

export function digest(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
