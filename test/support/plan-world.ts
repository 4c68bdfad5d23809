import type { Person } from "#shared/directory.ts";
import type { Group, Team } from "#shared/envelope.ts";
import { groupMark, personMark } from "#shared/marks.ts";
import type { World } from "../../functions/directory-sync/plan.ts";
import { ownTeamsOf } from "../../functions/directory-sync/read-gitea.ts";

const SUFFIX = "dc=uni,dc=example";

export const group = (name: string): Group => ({ dn: `cn=${name},ou=groups,${SUFFIX}`, id: `id-of-${name}`, name });

/** Somebody in the directory; the same `groups` array for the same groups, as the reader gives them. */
export function person(username: string, change: Partial<Person> = {}): Person {
  return {
    directoryId: `id-of-${username}`,
    username,
    logins: [username],
    dn: `uid=${username},ou=people,${SUFFIX}`,
    createdAt: "2020-01-01T00:00:00.000Z",
    fullName: `Person ${username}`,
    email: `${username}@uni.example`,
    emails: [`${username}@uni.example`],
    groups: [],
    isAdmin: false,
    ...change,
  };
}

type Account = World["gitea"]["accounts"][number];

export function account(login: string, change: Partial<Account> = {}): Account {
  return {
    id: idOf(login),
    login,
    login_name: login,
    source_id: 1,
    full_name: `Person ${login}`,
    email: `${login}@uni.example`,
    is_admin: false,
    prohibit_login: false,
    created: "2026-01-01T00:00:00Z",
    ...change,
  };
}

/** The same number for the same name. */
export function idOf(name: string): number {
  return [...name].reduce((sum, letter) => (sum * 131 + letter.charCodeAt(0)) % 1_000_000_007, 7);
}

export const ownTeam = (login: string, directoryId = `id-of-${login}`): Team => ({
  id: idOf(`team ${login}`),
  name: login,
  description: personMark(directoryId),
  level: "write",
});

export const groupTeam = (name: string): Team => ({
  id: idOf(`team ${name}`),
  name,
  description: groupMark(group(name)),
  level: "write",
});

export const leaversTeam: Team = { id: 1, name: "leavers", description: "Managed by hubforge. …", level: "read" };

const SETTINGS: World["settings"] = {
  GITEA_URL: "http://127.0.0.1:1",
  GITEA_ORG: "ilum-jupyterhub",
  GITEA_REPOSITORY: "jupyterhub-{username}",
  GITEA_TEAM: "{username}",
  GITEA_SHARING: true,
  GITEA_AUTH_SOURCE_ID: 1,
  GITEA_NATIVE_SYNC: false,
  PROTECTED_USERS: [],
  GROUP_TEAMS: {},
  LDAP_ALLOWED_GROUPS: [],
  LDAP_BASE: SUFFIX,
  SYNC_SCHEDULE: "rate(5 minutes)",
  SYNC_UPDATE_EXISTING: true,
  SYNC_CREATE: "none",
  GUARD_MIN: 5,
  GUARD_PERCENT: 10,
};

export function worldOf(parts: {
  people?: Person[];
  accounts?: Account[];
  teams?: Team[];
  members?: [Team, string[]][];
  directory?: Partial<World["directory"]>;
  gitea?: Partial<World["gitea"]>;
  settings?: Partial<World["settings"]>;
}): World {
  const { people = [], accounts = [], teams = [], members = [] } = parts;
  const settings = { ...SETTINGS, ...parts.settings };
  return {
    directory: {
      people,
      broken: [],
      groups: [],
      areGroupsRead: true,
      oddGroups: [],
      missingGroups: [],
      silentGroups: [],
      hasMembers: true,
      hasNames: true,
      unresolvedMembers: 0,
      anomalies: [],
      ...parts.directory,
    },
    gitea: {
      accounts,
      organisations: [],
      teams,
      members: new Map(members.map(([team, names]) => [team.id, new Set(names.map(idOf))])),
      ownTeams: ownTeamsOf(accounts, teams, settings).ownTeams,
      moved: [],
      ...parts.gitea,
    },
    settings,
  };
}

/** `count` known people, of whom the directory still has those that `has` says. */
export function population(count: number, has: (place: number) => boolean = () => true, size = count): World {
  const names = Array.from({ length: count }, (_, place) => `p${place}`);
  const others = Array.from({ length: size - count }, (_, place) => person(`other${place}`));
  return worldOf({
    people: [...names.filter((_, place) => has(place)).map((name) => person(name)), ...others],
    accounts: names.map((name) => account(name)),
    teams: names.map((name) => ownTeam(name)),
  });
}

/** `of` known people, of whom the first `count` have new directory ids. */
export function renewed(count: number, of: number): World {
  const world = population(of);
  const people = world.directory.people.map((one, place) =>
    place < count ? { ...one, directoryId: `new-${place}` } : one,
  );
  return { ...world, directory: { ...world.directory, people } };
}
