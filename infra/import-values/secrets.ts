import { parameterName } from "../stage-names.ts";

/** Where a secret comes from in the cluster and where it goes. */
export type Secret = { setting: string; section: string; secret?: string; key?: string };

/**
 * `plain`: the key that may hold it as text; `keyName`: the one that says which of the secret's keys it is, without `byDefault`
 * the only sign that the secret has it.
 */
type Credential = { setting: string; plain?: string; keyName?: string; byDefault?: string };

/** Of the hub's and the platform's LDAP sections. */
const LDAP: readonly Credential[] = [
  { setting: "LDAP_BIND_PASSWORD", plain: "password", keyName: "passwordKey", byDefault: "password" },
  { setting: "LDAP_BIND_DN", keyName: "usernameKey" },
];

/** The credentials of each section, and the setting that each one is; a later section wins. */
export const CREDENTIALS: readonly { section: string; secrets: readonly Credential[] }[] = [
  {
    // Its chart names both keys itself.
    section: "gitea.gitea.ldap.0",
    secrets: [
      { setting: "LDAP_BIND_PASSWORD", plain: "bindPassword", byDefault: "bindPassword" },
      { setting: "LDAP_BIND_DN", byDefault: "bindDn" },
    ],
  },
  {
    section: "ilum-core.security.ldap",
    secrets: LDAP,
  },
  {
    section: "ilum-jupyterhub.ldap",
    secrets: LDAP,
  },
  {
    section: "ilum-jupyterhub.git",
    secrets: [
      { setting: "GITEA_USERNAME", plain: "username", keyName: "usernameKey", byDefault: "username" },
      { setting: "GITEA_PASSWORD", plain: "password", keyName: "passwordKey", byDefault: "password" },
    ],
  },
];

/** Copies one secret into its place without its ever being an argument of a command. */
export function commandFor(stage: string, { setting, section, secret, key }: Secret): string {
  const put = `aws ssm put-parameter --type SecureString --overwrite --name ${parameterName(stage, setting)} --value file:///dev/stdin`;
  if (secret === undefined) return `# ${section} holds it as plain text: paste it, then Ctrl-D twice\n${put}`;
  return `kubectl get secret ${secret} -o 'go-template={{index .data "${key}" | base64decode}}' | ${put}`;
}

/** The hub signs with it, so it stays in the shell for what comes next. */
export function webhookCommand(stage: string): string {
  const put = `aws ssm put-parameter --type SecureString --name ${parameterName(stage, "WEBHOOK_SECRETS")} --value file:///dev/stdin`;
  const made = `# SECRET is HUBFORGE_SECRET of the hub as well, and --secret of npm run send: keep it\nSECRET="whsec_$(openssl rand -base64 32)"`;
  return `${made}\nprintf '{"default":["%s"]}' "$SECRET" | ${put}`;
}
