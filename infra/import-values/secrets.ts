import { parameterName } from "../stage-names.ts";

/** Where a secret comes from in the cluster and where it goes. */
export type Secret = { setting: string; section: string; secret?: string; key?: string };

/** The keys by which a section names its credentials, and the setting that each one is; a later section wins. */
export const CREDENTIALS = [
  {
    section: "gitea.gitea.ldap.0",
    secrets: [
      { setting: "LDAP_BIND_PASSWORD", plain: "bindPassword", keyName: "passwordKey", byDefault: "bindPassword" },
    ],
  },
  {
    section: "ilum-core.security.ldap",
    secrets: [{ setting: "LDAP_BIND_PASSWORD", plain: "password", keyName: "passwordKey", byDefault: "password" }],
  },
  {
    section: "ilum-jupyterhub.ldap",
    secrets: [{ setting: "LDAP_BIND_PASSWORD", plain: "password", keyName: "passwordKey", byDefault: "password" }],
  },
  {
    section: "ilum-jupyterhub.git",
    secrets: [
      { setting: "GITEA_USERNAME", plain: "username", keyName: "usernameKey", byDefault: "username" },
      { setting: "GITEA_PASSWORD", plain: "password", keyName: "passwordKey", byDefault: "password" },
    ],
  },
] as const;

/** Copies one secret into its place without its ever being an argument of a command. */
export function commandFor(stage: string, { setting, section, secret, key }: Secret): string {
  const put = `aws ssm put-parameter --type SecureString --overwrite --name ${parameterName(stage, setting)} --value file:///dev/stdin`;
  if (secret === undefined) return `# ${section} holds it as plain text: paste it, then Ctrl-D\n${put}`;
  return `kubectl get secret ${secret} -o 'go-template={{index .data "${key}" | base64decode}}' | ${put}`;
}

export function webhookCommand(stage: string): string {
  const put = `aws ssm put-parameter --type SecureString --name ${parameterName(stage, "WEBHOOK_SECRETS")} --value file:///dev/stdin`;
  return `printf '{"default":["whsec_%s"]}' "$(openssl rand -base64 32)" | ${put}`;
}
