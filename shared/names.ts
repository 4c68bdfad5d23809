import { hash } from "node:crypto";
import { Permanent } from "./errors.ts";

/** Teams that hubforge keeps for itself: nobody's own team may be one of them. */
export const ADMINS_TEAM = "admins";
export const LEAVERS_TEAM = "leavers";

/** The user name handed out with every token; no person's account takes it (rule 25 of gitea/README.md). */
export const TOKEN_USERNAME = "hubforge";

/** Words that Gitea refuses as a user's or organisation's name, in any case (gitea/README.md §2). */
const RESERVED_ACCOUNT_NAMES: ReadonlySet<string> = new Set(
  `. .. .well-known api metrics v2 assets attachments avatar avatars repo-avatars captcha login org repo user explore
  issues pulls milestones notifications favicon.ico manifest.json robots.txt sitemap.xml ssh_info swagger.v1.json ghost
  gitea-actions`.split(/\s+/),
);

const ACCOUNT_MAXIMUM = 40;
const REPOSITORY_MAXIMUM = 100;
const TEAM_MAXIMUM = 255;

/** `owners` is the Owners team itself, `new` answers 500 for ever (rule 8 of gitea/README.md). */
export const TEAM_TRAPS: readonly string[] = ["owners", "new", ADMINS_TEAM, LEAVERS_TEAM];

/**
 * The end of every mapped name. The `h` keeps `student-202412345678` plain; 48 bits make two people of one stem an
 * accident that a million of them would not see.
 */
const MAPPED_END = /-h[0-9a-f]{12}$/i;
const MAPPED_END_LENGTH = "-h".length + 12;

/** Two names are one person when they fold to the same text, as LDAP's caseIgnoreMatch sees them (RFC 4518: NFKC, case). */
export function foldName(username: string): string {
  return username.normalize("NFKC").toLowerCase().normalize("NFKC");
}

/** Whether Gitea takes `name` for an account: form, length, reserved words and patterns (gitea/README.md §2). */
export function isAccountName(name: string): boolean {
  return (
    /^[0-9a-z](?:[-._]?[0-9a-z])*$/i.test(name) &&
    name.length <= ACCOUNT_MAXIMUM &&
    !RESERVED_ACCOUNT_NAMES.has(name.toLowerCase()) &&
    !/\.(?:keys|gpg|rss|atom|png)$/i.test(name)
  );
}

/**
 * The Gitea account name for a directory's username: the username itself wherever Gitea takes it, else a readable stem,
 * one hyphen and a hash of the folded username. Two usernames share a name exactly when they are one person (`foldName`);
 * a plain name that looks mapped is therefore mapped too.
 * @param reserved names that no person may have, in any case
 * @throws Permanent `name.unmappable` for an empty name and for characters that no queue carries unchanged.
 */
export function accountName(username: string, reserved: readonly string[] = []): string {
  if (username === "" || !username.isWellFormed() || /[\p{Cc}\uFFFD-\uFFFF]/u.test(username)) {
    throw new Permanent("name.unmappable", `${shown(username)} is empty or holds characters that no name may hold`);
  }
  const plain = username.normalize("NFKC");
  const isOurs = [TOKEN_USERNAME, ...reserved].some((name) => name.toLowerCase() === plain.toLowerCase());
  return isAccountName(plain) && !isOurs && !MAPPED_END.test(plain) ? plain : mapped(username);
}

/**
 * The name of the repository of the person whose Gitea account is `account` (a name from `accountName` or from Gitea, not
 * a username). Mapped where Gitea refuses the repository or answers 500 (gitea/README.md §4), case-insensitively
 * unique per account.
 * @throws Permanent `name.unmappable` when `pattern` itself makes every name illegal.
 */
export function repositoryName(account: string, pattern: string): string {
  return fillPattern(account, pattern, isRepositoryName);
}

/**
 * The name of the own team of the person whose Gitea account is `account`, never one of Gitea's traps, of hubforge's teams
 * or of `reserved` (the configured group teams), in any case (gitea/README.md §3).
 * @throws Permanent `name.unmappable` when `pattern` itself makes every name illegal.
 */
export function teamName(account: string, pattern: string, reserved: readonly string[]): string {
  const taken = new Set([...TEAM_TRAPS, ...reserved].map((name) => name.toLowerCase()));
  return fillPattern(account, pattern, (name) => isTeamName(name) && !taken.has(name.toLowerCase()));
}

function isRepositoryName(name: string): boolean {
  const isForm = /^[-.\w]+$/.test(name) && name.length <= REPOSITORY_MAXIMUM;
  return isForm && name !== "." && name !== "-" && !name.includes("..") && !/\.(?:git|wiki|rss|atom)$/i.test(name);
}

function isTeamName(name: string): boolean {
  return /^[-.\w]+$/.test(name) && name.length <= TEAM_MAXIMUM && !/^\.+$/.test(name);
}

function fillPattern(account: string, pattern: string, isLegal: (name: string) => boolean): string {
  const fill = (part: string) => pattern.replaceAll("{username}", () => part);
  const name = [account, mapped(account)].map(fill).find(isLegal);
  if (name === undefined) {
    throw new Permanent("name.unmappable", `the pattern ${shown(pattern)} gives ${shown(account)} no name for Gitea`);
  }
  return name;
}

function mapped(username: string): string {
  const folded = foldName(username);
  const stem = folded
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^0-9a-z]+/g, "-")
    .replace(/^-/, "")
    .slice(0, ACCOUNT_MAXIMUM - MAPPED_END_LENGTH)
    .replace(/-$/, "");
  return `${stem || "user"}-h${hash("sha256", folded).slice(0, 12)}`;
}

function shown(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}
