import * as z from "zod";
import {
  certificates,
  flag,
  httpUrl,
  json,
  ldapUrl,
  webhookSecret,
  wholeNumber,
  withUsername,
  words,
} from "./config/kinds.ts";
import { DEFAULT_SCHEDULE, schedule } from "./config/schedule.ts";
import { HubName } from "./envelope.ts";
import { LOG_LEVELS } from "./log.ts";
import { isAccountName, TEAM_TRAPS } from "./names.ts";
import { RETRY_FOR_MINUTES_MAXIMUM } from "./retries.ts";
import { referenceIn, resolveReferences } from "./secrets.ts";

/**
 * Every setting, once: its name is the environment variable's, here and everywhere. A function parses only the sections
 * that it names, so that a secret reaches only who needs it (README.md §4).
 */

const webhooks = z.object({
  WEBHOOK_SECRETS: json(z.record(HubName, z.array(webhookSecret).min(1))),
});

const groupTeam = z.object({
  team: z
    .string()
    .regex(/^[-.\w]{1,255}$/, "a team's name may have letters, digits, - . and _")
    .refine((team) => !TEAM_TRAPS.includes(team.toLowerCase()), { message: "this team cannot be a group's" }),
  permission: z.enum(["read", "write", "admin"]),
});

/** For a rule about several settings: checked when these are right, whatever else is wrong, so that all is said at once. */
const about = (...variables: string[]) => ({
  when: ({ issues }: z.core.ParsePayload) => !issues.some(({ path }) => variables.includes(String(path?.[0]))),
});

const gitea = z
  .object({
    GITEA_URL: httpUrl,
    GITEA_TOKEN: z.string().min(1).optional(),
    GITEA_USERNAME: z.string().min(1).optional(),
    GITEA_PASSWORD: z.string().min(1).optional(),
    GITEA_ORG: z.string().default("ilum-jupyterhub").refine(isAccountName, { message: "is no name that Gitea takes" }),
    GITEA_REPOSITORY: withUsername("jupyterhub-{username}"),
    GITEA_TEAM: withUsername("{username}"),
    GITEA_SHARING: flag(true),
    GITEA_AUTH_SOURCE_ID: wholeNumber(1, 2 ** 31, 1),
    GITEA_CLONE_URL: httpUrl.optional(),
    GITEA_NATIVE_SYNC: flag(false),
    PROTECTED_USERS: words,
    GROUP_TEAMS: json(z.record(z.string(), groupTeam)).default({}),
  })
  .refine((set) => set.GITEA_TOKEN ?? (set.GITEA_USERNAME && set.GITEA_PASSWORD), {
    ...about("GITEA_TOKEN", "GITEA_USERNAME", "GITEA_PASSWORD"),
    path: ["GITEA_TOKEN"],
    message: "is missing: set GITEA_TOKEN, or GITEA_USERNAME and GITEA_PASSWORD",
  });

const templates = z.object({
  COMMIT_NAME: z.string().min(1).default("hubforge"),
  COMMIT_EMAIL: z
    .string()
    .regex(/^[^\s<>@]+@[^\s<>@]+$/, "must be an e-mail address")
    .default("ilum@ilum"),
  TEMPLATES: z
    .string()
    .regex(/^(bundled|gitea:[^/@\s]+\/[^/@\s]+@\S+)$/, "must be bundled or gitea:<owner>/<repo>@<ref>")
    .default("bundled"),
  LIVY_URL: httpUrl.default("http://ilum-core:9888"),
});

const directory = z
  .object({
    LDAP_URLS: z
      .string()
      .transform((text) => text.split(/[\s,]+/).filter((url) => url !== ""))
      .pipe(z.array(ldapUrl).min(1)),
    LDAP_BASE: z.string().min(1),
    LDAP_BIND_DN: z.string().min(1, "must not be empty: an anonymous bind sees only a part and looks like success"),
    LDAP_BIND_PASSWORD: z.string().min(1, "must not be empty: servers take that for an anonymous bind"),
    LDAP_USER_SEARCH_BASE: z.string().min(1).optional(),
    LDAP_USER_SEARCH_FILTER: z
      .string()
      .default("uid={0}")
      .refine((filter) => filter.includes("{0}"), { message: "must contain {0}, the place of the login name" }),
    LDAP_GROUP_SEARCH_BASE: z.string().min(1).optional(),
    LDAP_GROUP_SEARCH_FILTER: z.string().default("(member={0})"),
    LDAP_USER_ATTRIBUTE: z.string().min(1).default("uid"),
    LDAP_FULLNAME_ATTRIBUTE: z.string().min(1).default("cn"),
    LDAP_EMAIL_ATTRIBUTE: z.string().min(1).default("mail"),
    LDAP_GROUP_NAME_ATTRIBUTE: z.string().min(1).default("cn"),
    LDAP_GROUP_MEMBER_ATTRIBUTE: z.string().min(1).default("member"),
    /** Unset: entryUUID, objectGUID, nsUniqueId or ipaUniqueID, whichever the server has. */
    LDAP_ID_ATTRIBUTE: z.string().min(1).optional(),
    LDAP_ALLOWED_GROUPS: json(z.array(z.string().min(1))).default([]),
    LDAP_ADMIN_USERS: words,
    LDAP_USE_SSL: flag(false),
    LDAP_START_TLS: flag(false),
    /** PEM text of the private authority, or the path of a file that holds it. */
    LDAP_CA: certificates.optional(),
  })
  .superRefine(
    (set, context) => {
      const attribute = set.LDAP_GROUP_MEMBER_ATTRIBUTE.replace(/[^\w;.-]/g, "");
      const assertion = new RegExp(`\\(\\s*${attribute}\\s*=\\s*\\{0\\}\\s*\\)`, "i");
      if (assertion.test(`(${set.LDAP_GROUP_SEARCH_FILTER})`)) return;
      context.addIssue({
        code: "custom",
        path: ["LDAP_GROUP_SEARCH_FILTER"],
        message: `must hold (${attribute}={0}), an assertion on LDAP_GROUP_MEMBER_ATTRIBUTE (now "${attribute}"): else spawn and sync would disagree about who is a member`,
      });
    },
    about("LDAP_GROUP_MEMBER_ATTRIBUTE", "LDAP_GROUP_SEARCH_FILTER"),
  )
  .refine(
    (set) => !set.LDAP_START_TLS || !(set.LDAP_USE_SSL || set.LDAP_URLS.some((url) => url.startsWith("ldaps:"))),
    {
      ...about("LDAP_START_TLS", "LDAP_USE_SSL", "LDAP_URLS"),
      path: ["LDAP_START_TLS"],
      message: "cannot go with LDAP_USE_SSL or ldaps:// URLs: take one of them",
    },
  );

const retries = z.object({
  RETRY_FOR_MINUTES: wholeNumber(1, RETRY_FOR_MINUTES_MAXIMUM, RETRY_FOR_MINUTES_MAXIMUM),
});

/** Every function has it. */
const logging = z.object({ LOG_LEVEL: z.enum(LOG_LEVELS).default("info") });

const sync = z.object({
  SYNC_SCHEDULE: schedule.default(DEFAULT_SCHEDULE),
  SYNC_UPDATE_EXISTING: flag(true),
  SYNC_CREATE: z.enum(["none", "allowed"]).default("none"),
  GUARD_MIN: wholeNumber(0, 1_000_000, 5),
  GUARD_PERCENT: wholeNumber(0, 100, 10),
});

const SECTIONS = { webhooks, gitea, templates, directory, retries, sync, logging };
/** Every setting there is. */
export const SETTING_NAMES: readonly string[] = Object.values(SECTIONS).flatMap(({ shape }) => Object.keys(shape));
type SectionName = keyof typeof SECTIONS;
/** The parsed settings of the sections `Names`, one flat object keyed by variable. */
export type Settings<Names extends SectionName> = UnionToIntersection<
  { [Name in Names]: z.infer<(typeof SECTIONS)[Name]> }[Names]
>;
type UnionToIntersection<Union> = (Union extends unknown ? (member: Union) => void : never) extends (
  all: infer All,
) => void
  ? All
  : never;

/** Refuses to start: `message` names every wrong variable and why, a line each. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Parses the named sections of `environment`. References (`ssm:…`, `secretsmanager:…#key`) are resolved first.
 * @throws SettingsError naming every wrong or unreadable variable at once.
 */
export async function loadSettings<Name extends SectionName>(
  sections: readonly Name[],
  environment: Environment,
): Promise<Settings<Name>> {
  const wanted: SectionName[] = [...sections, "logging"];
  const names = wanted.flatMap((section) => settingNames(section));
  const set = Object.fromEntries(names.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])));
  const { values, problems: unreadable } = await resolveReferences(set);
  const problems = Object.entries(unreadable).map(([variable, why]) => `  ${variable}: ${why}`);
  const settings = {};
  for (const section of wanted) {
    const parsed = SECTIONS[section].safeParse(values);
    if (parsed.success) Object.assign(settings, parsed.data);
    else problems.push(...parsed.error.issues.filter(isNews(unreadable)).map((issue) => describe(issue, values)));
  }
  if (problems.length > 0) throw new SettingsError(`wrong settings:\n${problems.join("\n")}`);
  return settings as Settings<Name>; // the loop above filled exactly the named sections
}

/** What nobody may read in a template or a console: only ever references there. */
export const SECRET_SETTINGS: readonly string[] = [
  "WEBHOOK_SECRETS",
  "GITEA_TOKEN",
  "GITEA_PASSWORD",
  "LDAP_BIND_PASSWORD",
];

/**
 * What is wrong with the settings of a whole deployment, a line each, before anything is deployed: as `loadSettings` would
 * find it, but what references refer to is taken for right, and secrets must be references.
 */
export function checkSettings(values: Readonly<Record<string, string>>): string[] {
  const sections = Object.values(SECTIONS);
  const isReference = (name: string) => referenceIn(values[name] ?? "") !== undefined;
  const issues = sections.flatMap((section) => section.safeParse(values).error?.issues ?? []);
  return [
    ...Object.keys(values).flatMap((name) => (SETTING_NAMES.includes(name) ? [] : [`${name}: no such setting`])),
    ...SECRET_SETTINGS.filter((name) => values[name] && !isReference(name)).map(
      (name) => `${name}: must be a reference, ssm:<name> or secretsmanager:<id>#<key>, and never the secret itself`,
    ),
    ...issues.filter(({ path }) => !isReference(String(path[0]))).map((issue) => describe(issue, values).trim()),
  ];
}

/** What could not be read has been said; that it is missing as well is no news. */
function isNews(unreadable: Record<string, string>): (issue: z.core.$ZodIssue) => boolean {
  return ({ path }) => !(String(path[0]) in unreadable);
}

function describe(issue: z.core.$ZodIssue, values: Record<string, unknown>): string {
  const [variable, ...inside] = issue.path.map(String);
  const isMissing = variable !== undefined && values[variable] === undefined && issue.code === "invalid_type";
  // What is wrong inside a secret is named by its own parts: a secret in the place of a hub's name would be shown.
  const isSecret = variable !== undefined && SECRET_SETTINGS.includes(variable);
  const place = inside.length > 0 && !isSecret ? ` (at ${inside.join(".")})` : "";
  return `  ${variable}: ${isMissing ? "is missing" : issue.message}${place}`;
}

/** The variables of one section, for templates, documentation and checks that must agree with this file. */
export function settingNames(section: SectionName): string[] {
  return Object.keys(SECTIONS[section].shape);
}
