import type { Settings } from "../config.ts";
import type { Identity } from "../envelope.ts";
import { Permanent } from "../errors.ts";
import { foldName } from "../names.ts";
import { addressNobodyHas } from "../placeholder-mail.ts";
import { directoryIdOf, idAttributes } from "./directory-id.ts";
import { DISABLED_ATTRIBUTES } from "./disabled.ts";
import { normalType, normalValue, parseDn } from "./dn.ts";
import { type DirectoryEntry, isoTime } from "./entry.ts";

/** Gitea refuses longer full names and mail addresses. */
const FULL_NAME_CHARACTERS = 100;
const MAIL_CHARACTERS = 254;

/** What Gitea takes as a mail address, a little narrower; it stores lower case. */
const MAIL = /^[a-z0-9_][a-z0-9.!#$%&'*+/=?^_`{|}~-]*@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;

/** Operational attributes come only when asked for by name. */
export const personAttributes = (settings: Settings<"directory">): string[] => [
  settings.LDAP_USER_ATTRIBUTE,
  settings.LDAP_FULLNAME_ATTRIBUTE,
  settings.LDAP_EMAIL_ATTRIBUTE,
  ...idAttributes(settings.LDAP_ID_ATTRIBUTE),
  "createTimestamp",
  "whenCreated",
  ...DISABLED_ATTRIBUTES,
];

/** @throws Permanent `directory.no-name`, `directory.no-id` */
export function toPerson(entry: DirectoryEntry, settings: Settings<"directory">): Omit<Identity, "groups"> {
  const logins = loginsOf(entry, settings);
  const username = usernameOf(entry, logins, settings);
  const emails = mailsOf(entry, settings);
  const admins = new Set(settings.LDAP_ADMIN_USERS.map(normalValue));
  return {
    directoryId: idOf(entry, username, settings),
    username,
    logins,
    dn: entry.dn,
    createdAt: isNameTheId(settings)
      ? null // such a directory is made anew at every start: the age of its entries says nothing
      : isoTime(entry.texts("createTimestamp")[0] ?? entry.texts("whenCreated")[0]),
    fullName: fullNameOf(entry, settings) ?? username,
    email: emails[0] ?? addressNobodyHas(username),
    emails,
    isAdmin: logins.some((login) => admins.has(normalValue(login))),
  };
}

/** Every name this person may type. @throws Permanent `directory.no-name` */
function loginsOf(entry: DirectoryEntry, settings: Settings<"directory">): string[] {
  const logins = entry.texts(settings.LDAP_USER_ATTRIBUTE);
  if (logins.length > 0) return logins;
  throw new Permanent(
    "directory.no-name",
    `"${entry.dn}" has no "${settings.LDAP_USER_ATTRIBUTE}" (LDAP_USER_ATTRIBUTE) to read`,
  );
}

/** The value that the DN holds, else the first sorted: the same one however the server orders them. */
function usernameOf(entry: DirectoryEntry, logins: readonly string[], settings: Settings<"directory">): string {
  const type = normalType(settings.LDAP_USER_ATTRIBUTE);
  const named = parseDn(entry.dn)[0]?.find((part) => normalType(part.type) === type)?.value;
  const login = logins.find((each) => named !== undefined && normalValue(each) === normalValue(named)) ?? logins[0];
  if (login === undefined) throw new Permanent("directory.no-name", `"${entry.dn}" has no login name`);
  return login;
}

function idOf(entry: DirectoryEntry, username: string, settings: Settings<"directory">): string {
  const configured = settings.LDAP_ID_ATTRIBUTE;
  // Of several names as the id, the username: the first sorted would change with each name that is added.
  // Folded, because a name is the same one in any case, and marks are compared whole.
  if (isNameTheId(settings)) return foldName(username);
  const id = directoryIdOf(entry, configured);
  if (id !== undefined) return id;
  throw new Permanent(
    "directory.no-id",
    `none of ${idAttributes(configured).join(", ")} of "${entry.dn}" can be read: set LDAP_ID_ATTRIBUTE, or give the bind account the right`,
  );
}

const isNameTheId = ({ LDAP_ID_ATTRIBUTE: id, LDAP_USER_ATTRIBUTE: name }: Settings<"directory">) =>
  id !== undefined && normalType(id) === normalType(name);

function fullNameOf(entry: DirectoryEntry, settings: Settings<"directory">): string | undefined {
  const names = entry.texts(settings.LDAP_FULLNAME_ATTRIBUTE).map(cleanName);
  return names.find((name) => name !== "");
}

/** Control characters and runs of spaces become one space; what XML, and so SQS, cannot carry becomes U+FFFD. */
function cleanName(name: string): string {
  const clean = name
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .replace(/[\uFFFE\uFFFF]/g, "\uFFFD")
    .trim();
  return [...clean].slice(0, FULL_NAME_CHARACTERS).join("").trim();
}

function mailsOf(entry: DirectoryEntry, settings: Settings<"directory">): string[] {
  const mails = entry.texts(settings.LDAP_EMAIL_ATTRIBUTE).map((mail) => mail.trim().toLowerCase());
  return [...new Set(mails)].filter((mail) => MAIL.test(mail) && mail.length <= MAIL_CHARACTERS).sort();
}
