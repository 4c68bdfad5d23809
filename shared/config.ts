import * as z from "zod";
import { HubName } from "./envelope.ts";
import { resolveReferences } from "./secrets.ts";

/**
 * Every setting, once: its name is the environment variable's, here and everywhere. A function parses only the sections
 * that it names, so that a secret reaches only who needs it (DESIGN §6).
 */

const flag = (byDefault: boolean) =>
  z
    .enum(["true", "false"])
    .default(byDefault ? "true" : "false")
    .transform((text) => text === "true");

const wholeNumber = (minimum: number, maximum: number, byDefault: number) =>
  z
    .string()
    .regex(/^\d+$/, "must be a whole number")
    .default(String(byDefault))
    .transform(Number)
    .pipe(z.int().min(minimum).max(maximum));

const words = z
  .string()
  .default("")
  .transform((text) => text.split(/[\s,]+/).filter((word) => word !== ""));

/** JSON in a variable; a parse error is reported like any other wrong value. */
const json = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: "custom", message: "must be JSON" });
        return z.NEVER;
      }
    })
    .pipe(schema);

const withoutTrailingSlash = z
  .url({ protocol: /^https?$/, message: "must be an http or https URL" })
  .transform((url) => url.replace(/\/+$/, ""));

const withUsername = (byDefault: string) =>
  z
    .string()
    .default(byDefault)
    .refine((pattern) => pattern.includes("{username}"), {
      message: "must contain {username}: without it everybody would share one",
    });

/** `whsec_` and at least 24 bytes in base64, as Standard Webhooks asks. */
const webhookSecret = z.string().refine((secret) => /^whsec_[A-Za-z0-9+/]{32,}={0,2}$/.test(secret), {
  message: "each secret must be whsec_ and at least 24 random bytes in base64",
});

const webhooks = z.object({
  WEBHOOK_SECRETS: json(z.record(HubName, z.array(webhookSecret).min(1))),
});

const giteaFields = z.object({
  GITEA_URL: withoutTrailingSlash,
  GITEA_TOKEN: z.string().min(1).optional(),
  GITEA_USERNAME: z.string().min(1).optional(),
  GITEA_PASSWORD: z.string().min(1).optional(),
  GITEA_ORG: z.string().min(1).default("ilum-jupyterhub"),
  GITEA_REPOSITORY: withUsername("jupyterhub-{username}"),
  GITEA_TEAM: withUsername("{username}"),
  GITEA_SHARING: flag(true),
  GITEA_AUTH_SOURCE_ID: wholeNumber(1, 2 ** 31, 1),
  GITEA_CLONE_URL: withoutTrailingSlash.optional(),
  GITEA_NATIVE_SYNC: flag(false),
  PROTECTED_USERS: words,
  GROUP_TEAMS: json(
    z.record(z.string(), z.object({ team: z.string().min(1), permission: z.enum(["read", "write", "admin"]) })),
  ).default({}),
});
const gitea = giteaFields.refine((set) => set.GITEA_TOKEN ?? (set.GITEA_USERNAME && set.GITEA_PASSWORD), {
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
  LIVY_URL: withoutTrailingSlash.default("http://ilum-core:9888"),
});

const directoryFields = z.object({
  LDAP_URLS: z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter((url) => url !== ""))
    .pipe(z.array(z.url({ protocol: /^ldaps?$/, message: "must be ldap:// or ldaps:// URLs" })).min(1)),
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
  LDAP_CA: z.string().min(1).optional(),
});
const directory = directoryFields.superRefine((set, context) => {
  const attribute = set.LDAP_GROUP_MEMBER_ATTRIBUTE.replace(/[^\w;.-]/g, "");
  if (!new RegExp(`\\(\\s*${attribute}\\s*=\\s*\\{0\\}\\s*\\)`, "i").test(`(${set.LDAP_GROUP_SEARCH_FILTER})`)) {
    context.addIssue({
      code: "custom",
      path: ["LDAP_GROUP_SEARCH_FILTER"],
      message: `must hold (${attribute}={0}), an assertion on LDAP_GROUP_MEMBER_ATTRIBUTE (now "${attribute}"): else spawn and sync would disagree about who is a member`,
    });
  }
  if (set.LDAP_START_TLS && (set.LDAP_USE_SSL || set.LDAP_URLS.some((url) => url.startsWith("ldaps:")))) {
    context.addIssue({
      code: "custom",
      path: ["LDAP_START_TLS"],
      message: "cannot go with LDAP_USE_SSL or ldaps:// URLs: take one of them",
    });
  }
});

const retries = z.object({ RETRY_FOR_MINUTES: wholeNumber(1, 60, 60) });

const sync = z.object({
  SYNC_SCHEDULE: z
    .string()
    .regex(/^(rate\(\d+ (minute|minutes|hour|hours)\)|cron\(.+\))$/, "must be rate(…) or cron(…)")
    .default("rate(5 minutes)"),
  SYNC_UPDATE_EXISTING: flag(true),
  SYNC_CREATE: z.enum(["none", "allowed"]).default("none"),
  GUARD_MIN: wholeNumber(0, 1_000_000, 5),
  GUARD_PERCENT: wholeNumber(0, 100, 10),
});

const SECTIONS = { webhooks, gitea, templates, directory, retries, sync };
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
 * @throws SettingsError naming every wrong variable at once.
 */
export async function loadSettings<Name extends SectionName>(
  sections: readonly Name[],
  environment: Environment,
): Promise<Settings<Name>> {
  const names = sections.flatMap((section) => settingNames(section));
  const present = Object.fromEntries(names.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])));
  const values = await resolveReferences(present);
  const problems: string[] = [];
  const settings = {};
  for (const section of sections) {
    const parsed = SECTIONS[section].safeParse(values);
    if (parsed.success) Object.assign(settings, parsed.data);
    else problems.push(...parsed.error.issues.map((issue) => describe(issue, values)));
  }
  if (problems.length > 0) throw new SettingsError(`wrong settings:\n${problems.join("\n")}`);
  return settings as Settings<Name>; // the loop above filled exactly the named sections
}

function describe(issue: z.core.$ZodIssue, values: Record<string, unknown>): string {
  const [variable, ...inside] = issue.path.map(String);
  const isMissing = variable !== undefined && values[variable] === undefined && issue.code === "invalid_type";
  const place = inside.length > 0 ? ` (at ${inside.join(".")})` : "";
  return `  ${variable}: ${isMissing ? "is missing" : issue.message}${place}`;
}

/** The variables of one section, for templates, documentation and checks that must agree with this file. */
export function settingNames(section: SectionName): string[] {
  const shapes: Record<SectionName, object> = {
    webhooks: webhooks.shape,
    gitea: giteaFields.shape,
    templates: templates.shape,
    directory: directoryFields.shape,
    retries: retries.shape,
    sync: sync.shape,
  };
  return Object.keys(shapes[section]);
}
