import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { schedule } from "#shared/config/schedule.ts";
import { type Environment, loadSettings, SettingsError, settingNames } from "#shared/config.ts";
import { startSecretStore } from "./support/secret-store.ts";

const SECTIONS = ["webhooks", "gitea", "templates", "directory", "retries", "sync", "logging"] as const;

/** The settings as they were agreed, copied from there and not from the code. */
const DESIGN =
  `WEBHOOK_SECRETS GITEA_URL GITEA_TOKEN GITEA_USERNAME GITEA_PASSWORD GITEA_ORG GITEA_REPOSITORY GITEA_TEAM
  GITEA_SHARING GITEA_AUTH_SOURCE_ID GITEA_CLONE_URL GITEA_NATIVE_SYNC COMMIT_NAME COMMIT_EMAIL TEMPLATES LIVY_URL LDAP_URLS
  LDAP_BASE LDAP_BIND_DN LDAP_BIND_PASSWORD LDAP_USER_SEARCH_BASE LDAP_USER_SEARCH_FILTER LDAP_GROUP_SEARCH_BASE
  LDAP_GROUP_SEARCH_FILTER LDAP_USER_ATTRIBUTE LDAP_FULLNAME_ATTRIBUTE LDAP_EMAIL_ATTRIBUTE LDAP_GROUP_NAME_ATTRIBUTE
  LDAP_GROUP_MEMBER_ATTRIBUTE LDAP_ID_ATTRIBUTE LDAP_ALLOWED_GROUPS LDAP_ADMIN_USERS LDAP_USE_SSL LDAP_START_TLS LDAP_CA
  GROUP_TEAMS PROTECTED_USERS RETRY_FOR_MINUTES SYNC_SCHEDULE SYNC_UPDATE_EXISTING SYNC_CREATE GUARD_MIN GUARD_PERCENT
  LOG_LEVEL`.split(/\s+/);

const SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/** What must be set; everything else has a default or is optional. */
const LEAST = {
  WEBHOOK_SECRETS: JSON.stringify({ default: [SECRET] }),
  GITEA_URL: "http://git.uni.example/",
  GITEA_TOKEN: "token",
  LDAP_URLS: "ldap://one.uni.example, ldaps://two.uni.example:1636",
  LDAP_BASE: "dc=uni,dc=example",
  LDAP_BIND_DN: "cn=reader,dc=uni,dc=example",
  LDAP_BIND_PASSWORD: "password",
};

async function problemsOf(environment: Environment, sections: readonly (typeof SECTIONS)[number][] = SECTIONS) {
  const refusal = await loadSettings(sections, environment).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (refusal === undefined) return {};
  if (!(refusal instanceof SettingsError)) throw refusal;
  const [title, ...lines] = refusal.message.split("\n");
  expect(title).toBe("wrong settings:");
  const parts = lines.map((line) => /^ {2}(\w+): (.+)$/.exec(line));
  return Object.fromEntries(parts.map((part) => [part?.[1], part?.[2]]));
}

describe("the settings", () => {
  it("are those that were agreed and no others, each in one section", () => {
    expect(SECTIONS.flatMap((section) => settingNames(section)).toSorted()).toEqual(DESIGN.toSorted());
  });

  it("have the defaults of the README, and an empty variable is as good as none", async () => {
    const empty = Object.fromEntries(DESIGN.map((name) => [name, ""]));
    const defaults = {
      GITEA_ORG: "ilum-jupyterhub",
      GITEA_REPOSITORY: "jupyterhub-{username}",
      GITEA_TEAM: "{username}",
      GITEA_SHARING: true,
      GITEA_AUTH_SOURCE_ID: 1,
      GITEA_NATIVE_SYNC: false,
      PROTECTED_USERS: [],
      GROUP_TEAMS: {},
      COMMIT_NAME: "hubforge",
      COMMIT_EMAIL: "ilum@ilum",
      TEMPLATES: "bundled",
      LIVY_URL: "http://ilum-core:9888",
      LDAP_USER_SEARCH_FILTER: "uid={0}",
      LDAP_GROUP_SEARCH_FILTER: "(member={0})",
      LDAP_USER_ATTRIBUTE: "uid",
      LDAP_FULLNAME_ATTRIBUTE: "cn",
      LDAP_EMAIL_ATTRIBUTE: "mail",
      LDAP_GROUP_NAME_ATTRIBUTE: "cn",
      LDAP_GROUP_MEMBER_ATTRIBUTE: "member",
      LDAP_ALLOWED_GROUPS: [],
      LDAP_ADMIN_USERS: [],
      LDAP_USE_SSL: false,
      LDAP_START_TLS: false,
      RETRY_FOR_MINUTES: 60,
      SYNC_SCHEDULE: "rate(5 minutes)",
      SYNC_UPDATE_EXISTING: true,
      SYNC_CREATE: "none",
      GUARD_MIN: 5,
      GUARD_PERCENT: 10,
      LOG_LEVEL: "info",
    };
    const given = {
      ...LEAST,
      WEBHOOK_SECRETS: { default: [SECRET] },
      GITEA_URL: "http://git.uni.example",
      LDAP_URLS: ["ldap://one.uni.example", "ldaps://two.uni.example:1636"],
    };
    expect(await loadSettings(SECTIONS, { ...empty, ...LEAST })).toEqual({ ...given, ...defaults });
  });

  it("refuse to start naming everything that is missing, all at once", async () => {
    expect(await problemsOf({})).toEqual({
      WEBHOOK_SECRETS: "is missing",
      GITEA_URL: "is missing",
      GITEA_TOKEN: "is missing: set GITEA_TOKEN, or GITEA_USERNAME and GITEA_PASSWORD",
      LDAP_URLS: "is missing",
      LDAP_BASE: "is missing",
      LDAP_BIND_DN: "is missing",
      LDAP_BIND_PASSWORD: "is missing",
    });
  });

  it("refuse to start naming everything that is wrong, all at once, and repeat no secret", async () => {
    const wrong = {
      ...LEAST,
      WEBHOOK_SECRETS: '{"default":["hunter2"]}',
      GITEA_URL: "git.uni.example",
      GITEA_ORG: "-",
      GITEA_REPOSITORY: "notebooks",
      GITEA_TEAM: "{username} team",
      GITEA_SHARING: "yes",
      GITEA_AUTH_SOURCE_ID: "0",
      GITEA_CLONE_URL: "ftp://git.uni.example",
      GITEA_NATIVE_SYNC: "1",
      GROUP_TEAMS: '{"cn=a":{"team":"Owners","permission":"read"}}',
      COMMIT_EMAIL: "nobody",
      TEMPLATES: "gitea:templates",
      LIVY_URL: "ilum-core:9888",
      LDAP_URLS: "http://ldap.uni.example",
      LDAP_USER_SEARCH_FILTER: "(uid=%s)",
      LDAP_GROUP_SEARCH_FILTER: "(memberUid={0})",
      LDAP_ALLOWED_GROUPS: "cn=jupyterhub",
      LDAP_USE_SSL: "on",
      LDAP_START_TLS: "off",
      RETRY_FOR_MINUTES: "61",
      SYNC_SCHEDULE: "5 minutes",
      SYNC_UPDATE_EXISTING: "no",
      SYNC_CREATE: "everybody",
      GUARD_MIN: "-1",
      GUARD_PERCENT: "101",
      LOG_LEVEL: "loud",
    };
    const problems = await problemsOf(wrong);
    const changed = Object.entries(wrong).filter(
      ([name, value]) => !Object.entries(LEAST).some(([n, v]) => n === name && v === value),
    );
    expect(Object.keys(problems).toSorted()).toEqual(changed.map(([name]) => name).toSorted());
    expect(JSON.stringify(problems)).not.toContain("hunter2");
  });

  it.each([
    ["WEBHOOK_SECRETS", '{"hunter2hunter2whsec_":["default"]}'],
    ["WEBHOOK_SECRETS", '{"default":{"hunter2":[]}}'],
    ["WEBHOOK_SECRETS", '["hunter2"]'],
    ["GITEA_URL", "http://svc:hunter2@git.uni.example"],
    ["GITEA_CLONE_URL", "https://hunter2@git.uni.example"],
    ["LIVY_URL", "http://livy:hunter2@ilum-core:9888"],
    ["LDAP_URLS", "ldap://one.uni.example ldaps://reader:hunter2@two.uni.example"],
    ["LDAP_CA", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"],
  ])("refuse a secret in the wrong place of %s, and do not repeat it", async (name, value) => {
    const problems = await problemsOf({ ...LEAST, [name]: value });
    expect(Object.keys(problems)).toEqual([name]);
    expect(JSON.stringify(problems)).not.toContain("hunter2");
  });

  it.each([
    [{ LDAP_START_TLS: "true" }, "LDAP_START_TLS", "cannot go with LDAP_USE_SSL or ldaps://"],
    [{ LDAP_GROUP_SEARCH_FILTER: "(uniqueMember={0})" }, "LDAP_GROUP_SEARCH_FILTER", "LDAP_GROUP_MEMBER_ATTRIBUTE"],
    [{ GITEA_TOKEN: "", GITEA_USERNAME: "svc" }, "GITEA_TOKEN", "GITEA_USERNAME and GITEA_PASSWORD"],
  ])("name the rule between several that %j breaks, also where another one is wrong", async (change, name, rule) => {
    const problems = await problemsOf({ ...LEAST, ...change, GITEA_SHARING: "yes", LDAP_BASE: "" });
    expect(Object.keys(problems).toSorted()).toEqual(["GITEA_SHARING", "LDAP_BASE", name].toSorted());
    expect(problems[name]).toContain(rule);
  });

  it("are only those of the sections asked for: a stage cannot stumble over another's", async () => {
    expect(
      await problemsOf({ LDAP_URLS: "nonsense", GITEA_URL: "http://git.uni.example", GITEA_TOKEN: "t" }, ["gitea"]),
    ).toEqual({});
  });
});

describe("a setting that refers to a secret", () => {
  let store: Awaited<ReturnType<typeof startSecretStore>>;
  beforeAll(async () => {
    store = await startSecretStore();
    vi.stubEnv("AWS_ENDPOINT_URL", store.endpoint);
    store.parameters.set("/hubforge/gitea-token", "from the parameter store");
    store.secrets.set("gitea-admin", JSON.stringify({ username: "svc", password: "p#w:d", number: 7 }));
    store.secrets.set("plain", "whole text");
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await store.stop();
  });

  it("takes the parameter's or the secret's value, or one key of a secret that is JSON", async () => {
    const settings = await loadSettings(["gitea"], {
      GITEA_URL: "http://git.uni.example",
      GITEA_TOKEN: "ssm:/hubforge/gitea-token",
      GITEA_USERNAME: "secretsmanager:gitea-admin#username",
      GITEA_PASSWORD: "secretsmanager:gitea-admin#password",
      PROTECTED_USERS: "secretsmanager:plain",
    });
    expect(settings).toMatchObject({
      GITEA_TOKEN: "from the parameter store",
      GITEA_USERNAME: "svc",
      GITEA_PASSWORD: "p#w:d",
      PROTECTED_USERS: ["whole", "text"],
    });
  });

  it("is taken without the line end of whoever pressed Enter, and with every other one", async () => {
    store.parameters.set("typed", "two\nlines\r\n");
    const found = await loadSettings(["gitea"], { GITEA_URL: "http://git.uni.example", GITEA_TOKEN: "ssm:typed" });
    expect(found.GITEA_TOKEN).toBe("two\nlines");
  });

  it("is named with the reason when it cannot be read, beside everything else that is wrong, and without the secret", async () => {
    const problems = await problemsOf({
      ...LEAST,
      GITEA_URL: "ssm:/hubforge/no-such",
      GITEA_TOKEN: "secretsmanager:gitea-admin#token",
      GITEA_ORG: "secretsmanager:plain#key",
      PROTECTED_USERS: "secretsmanager:gitea-admin#number",
      LDAP_BASE: "",
    });
    expect(problems).toMatchObject({
      GITEA_URL: expect.stringContaining("ParameterNotFound"),
      GITEA_TOKEN: expect.stringContaining("no such text"),
      GITEA_ORG: expect.stringContaining("no JSON object"),
      PROTECTED_USERS: expect.stringContaining("no such text"),
      LDAP_BASE: "is missing",
    });
    expect(Object.keys(problems)).toHaveLength(5);
    expect(JSON.stringify(problems)).not.toMatch(/whole text|p#w:d/);
  });

  it("is not looked up by a function that does not need it", async () => {
    store.asked.length = 0;
    await loadSettings(["retries"], { GITEA_TOKEN: "ssm:/hubforge/gitea-token", RETRY_FOR_MINUTES: "5" });
    expect(store.asked).toEqual([]);
  });
});

describe("SYNC_SCHEDULE", () => {
  const judge = (text: string) => schedule.safeParse(text).error?.issues[0]?.message;

  it.each([
    "rate(1 minute)",
    "rate(5 minutes)",
    "rate(1 hour)",
    "rate(24 hours)",
    "cron(0 10 * * ? *)",
    "cron(0/15 * * * ? *)",
    "cron(0/5 8-17 ? * MON-FRI *)",
    "cron(0 18 ? * 2#1 *)",
    "cron(0 8 L * ? 2026-2028)",
    "cron(0,30 8 1W JAN,JUL ? *)",
  ])("takes %s", (text) => {
    expect(judge(text)).toBeUndefined();
  });

  it.each([
    ["5 minutes", /must be rate/],
    ["rate(0 minutes)", /of 1 at least/],
    ["rate(1 minutes)", /AWS wants rate\(1 minute\)/],
    ["rate(5 minute)", /plural/],
    ["cron(nonsense)", /six fields/],
    ["cron(0 10 * * *)", /six fields/],
    ["cron(61 10 * * ? *)", /minutes$/],
    ["cron(0 24 * * ? *)", /hours$/],
    ["cron(0 10 * * * *)", /\? for day of month or/],
    ["cron(0 10 ? * ? *)", /\? for day of month or/],
    ["cron(0 10 ? JANUARY MON *)", /month$/],
    ["cron(0/0 10 * * ? *)", /minutes$/],
  ])("refuses, as AWS would, %s", (text, why) => {
    expect(judge(text)).toMatch(why);
  });
});
