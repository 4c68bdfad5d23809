import { invalid, Refusal } from "./refusals.ts";

/** Gitea's rules for names and mail addresses, with its texts and in its order. */

const reservedAccounts = new Set(
  [
    ". .. .well-known api metrics v2 assets attachments avatar avatars repo-avatars captcha login org repo user",
    "explore issues pulls milestones notifications favicon.ico manifest.json robots.txt sitemap.xml ssh_info",
    "swagger.v1.json ghost gitea-actions",
  ].flatMap((line) => line.split(" ")),
);
const accountPatterns = ["*.keys", "*.gpg", "*.rss", "*.atom", "*.png"];
const reservedRepositories = new Set([".", "..", "-"]);
const repositoryPatterns = ["*.wiki", "*.git", "*.rss", "*.atom"];
const mailPattern =
  /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;

export function required(field: string, value: string): void {
  if (value === "") throw invalid(`[${field}]: Required`);
}

export function maxSize(field: string, value: string | undefined, size: number): void {
  if (value !== undefined && [...value].length > size) throw invalid(`[${field}]: MaxSize`);
}

export function oneOf(field: string, value: string | undefined, allowed: readonly string[]): void {
  if (value !== undefined && value !== "" && !allowed.includes(value)) throw invalid(`[${field}]: In`);
}

export function isUrl(field: string, value: string | undefined): void {
  if (value !== undefined && value !== "" && !/^https?:\/\/[^\s/]/.test(value)) throw invalid(`[${field}]: Url`);
}

export function alphaDashDot(field: string, value: string | undefined): void {
  if (value !== undefined && !/^[\w.-]*$/.test(value)) throw invalid(`[${field}]: AlphaDashDot`);
}

/** The shape only; whether the name may be used is asked later, after the auth source. */
export function accountName(field: string, name: string): void {
  required(field, name);
  if (!/^[\da-zA-Z][-.\w]*$/.test(name) || /[-._]{2,}|[-._]$/.test(name)) throw invalid(`[${field}]: invalid username`);
  maxSize(field, name, 40);
}

export function usableAccountName(name: string): void {
  usable(name, reservedAccounts, accountPatterns);
}

export function usableRepositoryName(name: string): void {
  if (name.includes("..")) {
    throw new Refusal(500, `name is invalid [${name}]: must be valid alpha or numeric or dash(-_) or dot characters`);
  }
  usable(name, reservedRepositories, repositoryPatterns);
}

function usable(name: string, reserved: ReadonlySet<string>, patterns: readonly string[]): void {
  const lower = name.trim().toLowerCase();
  if (reserved.has(lower)) throw invalid(`name is reserved [name: ${lower}]`);
  const pattern = patterns.find((candidate) => lower.endsWith(candidate.slice(1)));
  if (pattern !== undefined) throw invalid(`name pattern is not allowed [pattern: ${pattern}]`);
}

/** What a create's field check says of a mail address; the leading dash is found only later, by `mailFault`. */
export function mailField(field: string, mail: string): void {
  required(field, mail);
  if (!/^[!-?A-~]+@(?:[\w-]+\.)+[\w-]+$/.test(mail)) throw invalid(`[${field}]: Email`);
  maxSize(field, mail, 254);
}

export function mailFault(mail: string): string | undefined {
  if (mail === "") return "e-mail invalid [email: ]";
  if (!mailPattern.test(mail)) return `e-mail address contains unsupported character [email: ${mail}]`;
  if (mail.startsWith("-")) return `e-mail invalid [email: ${mail}]`;
  return undefined;
}
