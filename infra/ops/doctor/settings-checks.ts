import { settingNames } from "#shared/config.ts";
import { createDirectory } from "#shared/directory.ts";
import { checkSettings } from "#shared/gitea/check-settings.ts";
import { referenceIn, resolveReferences } from "#shared/secrets.ts";
import { type Check, type CheckGroup, failed, notApplicable } from "./check.ts";
import type { Deployment, Sections } from "./deployment.ts";
import { REGION } from "./region-check.ts";

const SECTIONS: readonly Sections[] = ["webhooks", "gitea", "directory", "templates", "retries", "sync"];

/** What only the code that works with a section can judge about it. */
const MORE: Partial<Record<Sections, (deployment: Deployment) => Promise<unknown>>> = {
  gitea: async ({ settings }) => checkSettings(await settings("gitea")),
  directory: async ({ settings }) => createDirectory(await settings("directory")),
};

/** Every setting as the functions parse it, and every secret that one refers to. */
export function settingsChecks(deployment: Deployment): CheckGroup {
  const names = SECTIONS.flatMap((section) => settingNames(section));
  const secrets = names.filter((name) => referenceIn(deployment.environment[name] ?? ""));
  const none: Check = {
    name: "secrets",
    advice: "",
    look: async () => notApplicable("no setting refers to Parameter Store or Secrets Manager"),
  };
  return {
    group: "settings",
    checks: [
      ...(secrets.length > 0 ? secrets.map((name) => ofSecret(name, deployment)) : [none]),
      ...SECTIONS.map((section) => ofSection(section, deployment, secrets)),
    ],
  };
}

function ofSecret(name: string, { environment }: Deployment): Check {
  const value = environment[name] ?? "";
  return {
    name: `secret ${name}`,
    needs: [REGION],
    advice: `write it there, or let these AWS credentials read it (ssm:GetParameter, secretsmanager:GetSecretValue, kms:Decrypt)`,
    look: async () => {
      const { problems } = await resolveReferences({ [name]: value });
      return problems[name] === undefined ? `${value} can be read` : failed(problems[name]);
    },
  };
}

export const settingsCheck = (section: Sections) => `settings ${section}`;

function ofSection(section: Sections, deployment: Deployment, secrets: readonly string[]): Check {
  const own = settingNames(section);
  return {
    name: settingsCheck(section),
    needs: secrets.filter((name) => own.includes(name)).map((name) => `secret ${name}`),
    advice: `correct it in ${deployment.settingsPlace}; names and meanings: shared/config.ts`,
    look: async () => {
      await deployment.settings(section);
      await MORE[section]?.(deployment);
      const set = own.filter((name) => deployment.environment[name]);
      return `${set.length} of ${own.length} set, the others by default`;
    },
  };
}
