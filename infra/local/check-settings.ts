import { rateSeconds } from "#shared/config/schedule.ts";
import { type Environment, loadSettings, SettingsError } from "#shared/config.ts";
import { connectDirectory } from "#shared/directory.ts";
import { connectGitea } from "#shared/gitea.ts";

/** What the parts of the local stack bring along; nobody needs to set it. */
const BROUGHT_ALONG = {
  WEBHOOK_SECRETS: JSON.stringify({ default: [`whsec_${Buffer.alloc(32).toString("base64")}`] }),
  LDAP_URLS: "ldap://127.0.0.1",
  LDAP_BASE: "dc=uni,dc=example",
  LDAP_BIND_DN: "cn=reader,ou=services,dc=uni,dc=example",
  LDAP_BIND_PASSWORD: "reader-password",
};

/**
 * Every setting that the functions will read, before the first part is started.
 * @throws SettingsError naming every wrong variable at once
 */
export async function checkEverySetting(environment: Environment, giteaUrl: string | undefined): Promise<void> {
  const stack =
    giteaUrl === undefined ? { GITEA_URL: "http://127.0.0.1", GITEA_TOKEN: "stand-in" } : { GITEA_URL: giteaUrl };
  const { WEBHOOK_SECRETS = BROUGHT_ALONG.WEBHOOK_SECRETS } = environment;
  const values = { ...environment, ...BROUGHT_ALONG, ...stack, WEBHOOK_SECRETS };
  const checks = await Promise.allSettled([
    loadSettings(["webhooks", "templates", "retries", "sync"], values),
    // The log level is read with every section; said once, it must not hide what only the two outsides can judge.
    connectGitea({ ...values, LOG_LEVEL: undefined }),
    connectDirectory({ ...values, LOG_LEVEL: undefined }),
  ]);
  const reasons = checks.flatMap((check) => (check.status === "rejected" ? [check.reason] : []));
  const other = reasons.find((reason) => !(reason instanceof SettingsError));
  if (other !== undefined) throw other;
  const lines = new Set(reasons.flatMap(({ message }) => message.split("\n").slice(1)));
  if (lines.size > 0) throw new SettingsError(`wrong settings:\n${[...lines].join("\n")}`);
}

/** Settings that are set and not used here, or not as in the cloud, which must not pass in silence. */
export function unusedSettings(environment: Environment, giteaUrl: string | undefined): string[] {
  const isIdle = (name: string) => environment[name] !== undefined;
  const ldap = ["LDAP_URLS", "LDAP_BASE", "LDAP_BIND_DN", "LDAP_BIND_PASSWORD"].filter(isIdle);
  const token = giteaUrl === undefined ? ["GITEA_TOKEN", "GITEA_USERNAME", "GITEA_PASSWORD"].filter(isIdle) : [];
  const schedule = environment["SYNC_SCHEDULE"];
  const isCron = schedule !== undefined && rateSeconds(schedule) === undefined;
  return [
    ...(isCron
      ? [`SYNC_SCHEDULE ${schedule} is the cloud's: here the sync runs once, at start; hubforge sync runs it again`]
      : []),
    ...(ldap.length > 0 ? [`${ldap.join(", ")} is not used here: npm start brings a directory of its own`] : []),
    ...(token.length > 0 ? [`${token.join(", ")} is not used without GITEA_URL: the stand-in has its own`] : []),
  ];
}
