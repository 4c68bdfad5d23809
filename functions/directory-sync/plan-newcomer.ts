import type { Person } from "#shared/directory.ts";
import { Permanent } from "#shared/errors.ts";
import type { Account } from "#shared/gitea/account-list.ts";
import { isSame } from "#shared/gitea/is-same.ts";
import { accountName, foldName } from "#shared/names.ts";
import { ownAccountName } from "#shared/own-account.ts";
import { ownTeamName } from "#shared/own-team.ts";
import { shellWord } from "#shared/shell-word.ts";
import type { Known, Matches } from "./match-accounts.ts";
import type { Change, Conflict, Rebind, World } from "./plan.ts";

/** What is to be done about somebody whose directory id Gitea does not know; at most one of them. */
type Newcomer = {
  create?: { account: Account | undefined; change: Change };
  /** The name and account of somebody who may sign in and whose own id is nowhere any more. */
  rebind?: { pair: Rebind; known: Known };
  conflict?: Conflict;
};

/** "Who is who" (functions/account/README.md) before anything is sent: what that stage would refuse is told here, by DN. */
export function planNewcomer(world: World, matches: Matches): (person: Person) => Newcomer | undefined {
  const { directory, settings, gitea } = world;
  // Where everybody is known, as in most runs, nobody is compared with everybody.
  const all = once(() => [...directory.people, ...directory.broken]);
  const present = once(() => new Set(all().flatMap(({ directoryId }) => directoryId ?? [])));
  const shared = once(() => sharedLogins(all()));
  const organisations = new Set(gitea.organisations);
  // Where nobody's groups are known, nobody's being allowed in is.
  const isJudged = directory.areGroupsRead || settings.LDAP_ALLOWED_GROUPS.length === 0;
  const isMaking = settings.SYNC_CREATE === "allowed" && isJudged;

  return (person) => {
    const refuse = (code: string, reason: string): Newcomer => ({ conflict: { code, dn: person.dn, reason } });
    const name = namesOf(person, world);
    if (name instanceof Permanent) return isMaking ? refuse(name.code, name.message) : undefined;
    const account = accountOf(person, name, matches);
    const known = account && matches.byAccount.get(account.id);
    const twin = person.logins.find((login) => shared().has(foldName(login)));
    if (known) {
      const isFormer = !present().has(known.directoryId) && twin === undefined && isTheirs(account, person);
      // Who has left, or is banned, may have given up the name long ago: no decision about many people gives it away.
      if (isFormer && !known.isLeaver && !account.prohibit_login) {
        return { rebind: { pair: toRebind(person, known), known } };
      }
      return { conflict: otherId(toRebind(person, known), isFormer) };
    }
    if (!isMaking) return undefined;
    if (twin !== undefined) return refuse("person.ambiguous", `more than one person has the name "${twin}"`);
    if (organisations.has(name.toLowerCase())) return refuse("account.taken", `an organisation has the name ${name}`);
    if (!account) return { create: { account, change: { what: "account", from: "", to: name } } };
    const why = whyNotTheirs(account, person, world);
    if (why) return refuse(why.code, why.reason);
    return { create: { account, change: { what: "account", from: "unmarked", to: account.login } } };
  };
}

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function toRebind({ directoryId, username, dn }: Person, { account, directoryId: from }: Known): Rebind {
  return { from, to: directoryId, username, account: account.login, dn };
}

/** @param isFormer the account's own human is nowhere any more, so that it may be this one: only a person can tell */
export function otherId({ account, dn, from, to, username }: Rebind, isFormer: boolean): Conflict {
  const owner = `account ${account} belongs to directory id ${from}, but the directory id of "${dn}" is ${to}`;
  const advice = isFormer ? `. If it is the same human: hubforge accounts rebind ${shellWord(username)}` : "";
  return { code: "identity.other-id", dn, reason: `${owner}${advice}` };
}

function namesOf({ username }: Person, { settings }: World): string | Permanent {
  try {
    const name = ownAccountName(username, settings);
    ownTeamName(name, settings);
    return name;
  } catch (error) {
    if (error instanceof Permanent) return error;
    throw error;
  }
}

/** By name first, then under another of their logins, as the account stage looks. */
function accountOf({ username, logins }: Person, name: string, { byName }: Matches): Account | undefined {
  const account = byName.get(name.toLowerCase());
  if (account) return account;
  const others = logins.filter((login) => !isSame(login, username) && isMappable(login));
  return others
    .map((login) => byName.get(accountName(login).toLowerCase()))
    .find((one) => one && isTheirs(one, { logins }));
}

function isMappable(login: string): boolean {
  try {
    return accountName(login) !== "";
  } catch {
    return false;
  }
}

const isTheirs = ({ login_name }: Account, { logins }: Pick<Person, "logins">) =>
  logins.some((login) => isSame(login, login_name));

function whyNotTheirs(
  account: Account,
  person: Person,
  { settings }: World,
): { code: string; reason: string } | undefined {
  const { login, source_id, login_name, created } = account;
  const advice = `If it is theirs: hubforge accounts link ${shellWord(person.username)}`;
  if (source_id !== settings.GITEA_AUTH_SOURCE_ID) {
    return { code: "account.taken", reason: `account ${login} is not of the LDAP source. ${advice}` };
  }
  if (!isTheirs(account, person)) {
    return { code: "account.taken", reason: `account ${login} signs in as "${login_name}". ${advice}` };
  }
  const { createdAt } = person;
  if (!createdAt || Date.parse(created) >= Date.parse(createdAt)) return undefined;
  const reason = `account ${login} (${created}) is older than the directory entry (${createdAt}). ${advice}`;
  return { code: "account.unproven", reason };
}

/** Names, folded, that more than one entry has: a spawn under them means nobody in particular. */
function sharedLogins(entries: readonly Pick<Person, "dn" | "logins">[]): ReadonlySet<string> {
  const owner = new Map<string, string>();
  const shared = new Set<string>();
  for (const { dn, logins } of entries) {
    for (const login of logins.map(foldName)) {
      if ((owner.get(login) ?? dn) !== dn) shared.add(login);
      owner.set(login, dn);
    }
  }
  return shared;
}
