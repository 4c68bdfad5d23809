import { Client, type Entry } from "ldapts";
import { mailFault, usableAccountName } from "./names.ts";
import { Refusal } from "./refusals.ts";
import type { Account } from "./rows.ts";
import { accountByMail, accountByName, digest, forgetRedirect, type LdapSource, now, type World } from "./world.ts";

/**
 * Whether this name and password sign in, and as whom. The row is found by name or mail; a local row asks its own
 * password, a linked one LDAP with the row's `login_name`, no row at all LDAP with what was typed, which may make the
 * account. Every try with a password reaches the directory as a real bind, a dead token too.
 */
export async function signInByPassword(world: World, name: string, password: string): Promise<Account | null> {
  const typed = name.trim();
  const account = typed.includes("@") ? accountByMail(world, typed) : accountByName(world, typed);
  if (account === undefined) return typed === "" ? null : registerFromLdap(world, typed, password);
  if (account.sourceId === 0)
    return account.password !== "" && account.password === digest(password) && !account.isLoginProhibited
      ? account
      : null;
  const entry = await bindAs(world.ldap, account.loginName, password);
  return entry !== null && !account.isLoginProhibited ? account : null;
}

async function registerFromLdap(world: World, typed: string, password: string): Promise<Account | null> {
  const entry = await bindAs(world.ldap, typed, password);
  if (entry === null) return null;
  const username = entry.username || typed;
  const known = accountByName(world, username);
  if (known !== undefined) return known.isLoginProhibited ? null : known;
  const email = entry.mail || `${username}@localhost.local`;
  if (!mayRegister(world, username, email)) return null;
  forgetRedirect(world, 0, username);
  return world.accounts.insert({
    ...blankAccount(username),
    fullName: composeFullName(entry, username),
    email,
    loginName: typed,
    sourceId: world.sourceId,
  });
}

function mayRegister(world: World, username: string, email: string): boolean {
  const domain = world.switches.mailDomain;
  if (domain !== null && !email.endsWith(`@${domain}`)) return false;
  if (!/^[\da-zA-Z][-.\w]*$/.test(username) || /[-._]{2,}|[-._]$/.test(username) || username.length > 40) return false;
  if (mailFault(email) !== undefined || accountByMail(world, email) !== undefined) return false;
  try {
    usableAccountName(username);
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

export function blankAccount(name: string): Omit<Account, "id"> {
  return {
    kind: "person",
    name,
    lowerName: name.toLowerCase(),
    fullName: "",
    email: "",
    loginName: "",
    sourceId: 0,
    password: "",
    isAdmin: false,
    isActive: true,
    isLoginProhibited: false,
    mustChangePassword: false,
    isRestricted: false,
    visibility: "public",
    description: "",
    website: "",
    location: "",
    repositoryQuota: -1,
    repositoryAdminsChangeTeams: false,
    createdAt: now(),
    lastLoginAt: "1970-01-01T00:00:00Z",
  };
}

interface DirectoryPerson {
  username: string;
  firstName: string;
  surname: string;
  mail: string;
}

/** First name and surname, as Gitea joins them. */
export function composeFullName(person: DirectoryPerson, fallback: string): string {
  return [person.firstName, person.surname].filter((part) => part !== "").join(" ") || fallback;
}

/** One sign-in against the directory: search as the bind account, then a bind as the person. Trouble is a "no". */
async function bindAs(
  source: LdapSource | undefined,
  login: string,
  password: string,
): Promise<DirectoryPerson | null> {
  if (source === undefined || password === "" || login === "" || /[\0()*\\]/.test(login)) return null;
  const client = new Client({ url: source.url, timeout: 5000, connectTimeout: 3000 });
  try {
    await client.bind(source.bindDn, source.bindPassword);
    const filter = source.userFilter.replaceAll("%s", login);
    const { searchEntries } = await client.search(source.userBase, { scope: "sub", filter });
    const entry = searchEntries[0];
    if (entry === undefined || searchEntries.length > 1) return null;
    await client.bind(entry.dn, password);
    return personOf(source, entry);
  } catch {
    return null;
  } finally {
    await client.unbind().catch(() => undefined);
  }
}

/** Everybody in the directory, for the native sync; null when it can't be read. */
export async function listPeople(source: LdapSource): Promise<DirectoryPerson[] | null> {
  const client = new Client({ url: source.url, timeout: 5000, connectTimeout: 3000 });
  try {
    await client.bind(source.bindDn, source.bindPassword);
    const filter = source.userFilter.replaceAll("%s", "*");
    const { searchEntries } = await client.search(source.userBase, { scope: "sub", filter, paged: true });
    return searchEntries.map((entry) => personOf(source, entry));
  } catch {
    return null;
  } finally {
    await client.unbind().catch(() => undefined);
  }
}

function personOf(source: LdapSource, entry: Entry): DirectoryPerson {
  const { username = "uid", firstName = "cn", surname = "sn", mail = "mail" } = source.attributes ?? {};
  const first = (name: string) => {
    const key = Object.keys(entry).find((candidate) => candidate.toLowerCase() === name.toLowerCase());
    const value = key === undefined ? undefined : entry[key];
    const one = Array.isArray(value) ? value[0] : value;
    return one === undefined ? "" : one.toString();
  };
  return { username: first(username), firstName: first(firstName), surname: first(surname), mail: first(mail) };
}
