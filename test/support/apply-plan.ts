import { isMailed, loginNameOf } from "#shared/account-differences.ts";
import type { Person } from "#shared/directory.ts";
import { personMark } from "#shared/marks.ts";
import { ADMINS_TEAM, accountName } from "#shared/names.ts";
import { addressNobodyHas } from "#shared/placeholder-mail.ts";
import type { Plan, Refresh, World } from "../../functions/directory-sync/plan.ts";
import { ownTeamsOf } from "../../functions/directory-sync/read-gitea.ts";
import { grantedTeams } from "../../functions/team/granted-teams.ts";
import { account, idOf, leaversTeam, ownTeam } from "./plan-world.ts";

type Gitea = World["gitea"];
type Account = Gitea["accounts"][number];

/** Gitea after the stages have carried the plan out, as their own tests describe them: a model for property tests. */
export function applyPlan({ directory, gitea, settings }: World, plan: Plan): Gitea {
  const people = new Map(directory.people.map((one) => [one.directoryId, one]));
  const next: Gitea = {
    ...gitea,
    accounts: gitea.accounts.map((one) => ({ ...one })),
    teams: gitea.teams.some(({ name }) => name === "leavers") ? [...gitea.teams] : [...gitea.teams, leaversTeam],
    members: new Map([...gitea.members].map(([team, members]) => [team, new Set(members)])),
  };
  for (const refresh of plan.refreshes) {
    const person = people.get(refresh.directoryId);
    if (person) applyRefresh(refresh, person, { next, settings, keeps: plan.keeps });
  }
  for (const { account: login, leave } of plan.departures) {
    const gone = next.accounts.find((one) => one.login === login);
    if (!gone) continue;
    if (!gone.prohibit_login) move(next, "leavers", gone, true);
    gone.prohibit_login = true;
    for (const team of leave) move(next, team, gone, false);
  }
  next.ownTeams = ownTeamsOf(next.accounts, next.teams, settings).ownTeams;
  return next;
}

type Model = { next: Gitea; settings: World["settings"]; keeps: Plan["keeps"] };

function applyRefresh(refresh: Refresh, person: Person, { next, settings, keeps }: Model): void {
  const theirs = next.accounts.find(({ login }) => login === refresh.account) ?? create(person, next);
  if (!theirs) return;
  const leavers = next.members.get(leaversTeam.id);
  if (leavers?.has(theirs.id)) {
    theirs.prohibit_login = false;
    move(next, "leavers", theirs, false);
  }
  theirs.login_name = loginNameOf(theirs, person);
  if (!keeps.includes("name")) theirs.full_name = person.fullName;
  if (!keeps.includes("mail")) changeMail(theirs, person, { next, freesMail: refresh.freesMail });
  const own = next.teams.find(({ name }) => name === theirs.login);
  const marked = {
    ...(own ?? ownTeam(theirs.login)),
    description: personMark(person.directoryId),
    level: "write" as const,
  };
  next.teams = [...next.teams.filter((team) => team !== own), marked];
  for (const { name } of grantedTeams(person.groups, settings)) move(next, name, theirs, true);
  if (person.isAdmin) move(next, ADMINS_TEAM, theirs, true);
  for (const team of refresh.leave) move(next, team, theirs, false);
}

const isHeld = (next: Gitea, mail: string) =>
  next.accounts.some(({ email }) => email.toLowerCase() === mail.toLowerCase());

function create(person: Person, next: Gitea): Account | undefined {
  if (isHeld(next, person.email)) return undefined;
  const made = account(accountName(person.username), { email: person.email, login_name: person.username });
  next.accounts.push(made);
  return made;
}

function changeMail(theirs: Account, person: Person, { next, freesMail }: { next: Gitea; freesMail: boolean }): void {
  if (isMailed(theirs, person)) return;
  if (!isHeld(next, person.email)) theirs.email = person.email;
  else if (freesMail) theirs.email = addressNobodyHas(person.username);
}

function move({ teams, members }: Gitea, name: string, { id }: Account, isJoining: boolean): void {
  const team = teams.find((one) => one.name.toLowerCase() === name.toLowerCase());
  const teamId = team?.id ?? idOf(`team ${name}`);
  const now = new Set(members.get(teamId) ?? []);
  if (isJoining) now.add(id);
  else now.delete(id);
  members.set(teamId, now);
}
