/** What stands beside a key, in the same section. */
export type Beside = (key: string) => unknown;
/** What a key of the platform's values becomes; a plain text is why it becomes nothing. */
export type Meaning = { setting: string; as?: (value: unknown, beside: Beside) => string | Refusal } | string;
/** Why this value cannot be taken over. */
export class Refusal {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

const list = (separator: string) => (value: unknown) => [value].flat().join(separator);
const json = (value: unknown) => JSON.stringify([value].flat());

/** The hub's and the platform's LDAP sections share these words. */
const LDAP: Record<string, Meaning> = {
  urls: { setting: "LDAP_URLS", as: list(" ") },
  base: { setting: "LDAP_BASE" },
  username: { setting: "LDAP_BIND_DN" },
  bindDn: { setting: "LDAP_BIND_DN" },
  userSearchBase: { setting: "LDAP_USER_SEARCH_BASE" },
  userSearchFilter: { setting: "LDAP_USER_SEARCH_FILTER" },
  groupSearchBase: { setting: "LDAP_GROUP_SEARCH_BASE" },
  groupSearchFilter: { setting: "LDAP_GROUP_SEARCH_FILTER" },
  userAttribute: { setting: "LDAP_USER_ATTRIBUTE" },
  fullnameAttribute: { setting: "LDAP_FULLNAME_ATTRIBUTE" },
  emailAttribute: { setting: "LDAP_EMAIL_ATTRIBUTE" },
  groupNameAttribute: { setting: "LDAP_GROUP_NAME_ATTRIBUTE" },
  groupMemberAttribute: { setting: "LDAP_GROUP_MEMBER_ATTRIBUTE" },
  "userMapping.base": { setting: "LDAP_USER_SEARCH_BASE" },
  "userMapping.filter": { setting: "LDAP_USER_SEARCH_FILTER" },
  "userMapping.username": { setting: "LDAP_USER_ATTRIBUTE" },
  "userMapping.fullname": { setting: "LDAP_FULLNAME_ATTRIBUTE" },
  "userMapping.email": { setting: "LDAP_EMAIL_ATTRIBUTE" },
  "groupMapping.base": { setting: "LDAP_GROUP_SEARCH_BASE" },
  "groupMapping.filter": { setting: "LDAP_GROUP_SEARCH_FILTER" },
  "groupMapping.name": { setting: "LDAP_GROUP_NAME_ATTRIBUTE" },
  "groupMapping.memberAttribute": { setting: "LDAP_GROUP_MEMBER_ATTRIBUTE" },
  allowedGroups: { setting: "LDAP_ALLOWED_GROUPS", as: json },
  adminUsers: { setting: "LDAP_ADMIN_USERS", as: list(" ") },
  useSsl: { setting: "LDAP_USE_SSL" },
  startTls: { setting: "LDAP_START_TLS" },
  ca: { setting: "LDAP_CA" },
  lookupDn: "the DN is always found by a search",
  enabled: "hubforge always works with LDAP",
};

const GITEA_LDAP: Record<string, Meaning> = {
  host: { setting: "LDAP_URLS", as: urlOf },
  port: "is in LDAP_URLS, with the host",
  securityProtocol: {
    setting: "LDAP_START_TLS",
    as: (value) => (isProtocol(value, "starttls") ? "true" : new Refusal("is in LDAP_URLS, with the host")),
  },
  userSearchBase: { setting: "LDAP_USER_SEARCH_BASE" },
  // Go's `%s`, or `%[1]s` where the name stands in several places.
  userFilter: { setting: "LDAP_USER_SEARCH_FILTER", as: (value) => String(value).replaceAll(/%(\[1\])?s/g, "{0}") },
  usernameAttribute: { setting: "LDAP_USER_ATTRIBUTE" },
  emailAttribute: { setting: "LDAP_EMAIL_ATTRIBUTE" },
  bindDn: { setting: "LDAP_BIND_DN" },
  name: "hubforge takes Gitea's LDAP source by its number: GITEA_AUTH_SOURCE_ID (1 for the first)",
  synchronizeUsers: "hubforge keeps names and mails; GITEA_NATIVE_SYNC=true would leave them to Gitea",
};

const GIT: Record<string, Meaning> = {
  address: { setting: "GITEA_URL" },
  url: { setting: "GITEA_URL" },
  orgName: { setting: "GITEA_ORG" },
  repository: {
    setting: "GITEA_REPOSITORY",
    as: (value) =>
      String(value).includes("{username}")
        ? String(value)
        : new Refusal(
            "has no {username}: everybody would share one repository; the default jupyterhub-{username} is used",
          ),
  },
  email: { setting: "COMMIT_EMAIL" },
  enabled: "hubforge is what does it now: switch the platform's own operator off",
};

const CRON: Record<string, Meaning> = {
  SCHEDULE: { setting: "SYNC_SCHEDULE", as: rateOf },
  UPDATE_EXISTING: { setting: "SYNC_UPDATE_EXISTING" },
  ENABLED: "switch it off, or set GITEA_NATIVE_SYNC=true: else two syncs write the same names and mails",
  RUN_AT_START: "the sync always runs after a deployment",
  NOTICE_ON_SUCCESS: "every run says what it did, in its log",
};

/** Gitea names host, port and protocol apart. */
function urlOf(host: unknown, beside: Beside): string {
  const port = beside("port");
  const scheme = isProtocol(beside("securityProtocol"), "ldaps") ? "ldaps" : "ldap";
  return `${scheme}://${host}${port === undefined || port === "" ? "" : `:${port}`}`;
}

const isProtocol = (value: unknown, name: string) => String(value).toLowerCase() === name;

/** Go's `@every 5m` as EventBridge's rate. */
function rateOf(value: unknown): string | Refusal {
  const [, count, unit] = /^@every ([1-9]\d*)([mh])$/.exec(String(value)) ?? [];
  if (count === undefined) return new Refusal("is no @every <number>m or h: set SYNC_SCHEDULE to rate(…) or cron(…)");
  const name = unit === "h" ? "hour" : "minute";
  return `rate(${count} ${name}${count === "1" ? "" : "s"})`;
}

export type Section = { path: string; keys: Record<string, Meaning> };

/** Sections that say nothing where they are switched off. */
export const SWITCHED = ["ilum-core.security.ldap", "ilum-jupyterhub.ldap"];

/** The first LDAP source of Gitea's own chart. */
export const GITEA_SOURCE = "gitea.gitea.ldap.0";

/** Later sections win: the hub's own LDAP section over the platform's, both over what only Gitea was told. */
export const SECTIONS: readonly Section[] = [
  { path: GITEA_SOURCE, keys: GITEA_LDAP },
  { path: "ilum-core.security.ldap", keys: LDAP },
  { path: "ilum-jupyterhub.ldap", keys: LDAP },
  { path: "ilum-jupyterhub.git", keys: GIT },
  { path: "gitea.gitea.config.cron.sync_external_users", keys: CRON },
];

/** Whole branches that hubforge has no use for. */
export const ELSEWHERE: readonly [string, string][] = [
  ["ilum-jupyterhub.ssh", "SSH to notebook pods stays with the platform"],
  ["ilum-jupyterhub.imagePullSecret", "is about the images of pods"],
  ["gitea.gitea.admin", "is Gitea's own: the credentials come from ilum-jupyterhub.git"],
  ["gitea.gitea.ldap", "is a further source of Gitea's: hubforge works with the first"],
];
