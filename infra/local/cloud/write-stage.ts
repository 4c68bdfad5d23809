import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { askAws } from "#shared/aws-json.ts";
import { SECRET_SETTINGS, SETTING_NAMES } from "#shared/config.ts";
import { parameterName } from "../../stage-names.ts";

/**
 * Writes the stage's file for these settings, below those of this shell, with every secret in its store and a reference in
 * its place. Returns what is in it.
 */
export async function writeStage(
  path: string,
  settings: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const ofShell = SETTING_NAMES.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []));
  const all: Record<string, string> = { ...Object.fromEntries(ofShell), ...settings };
  for (const name of SECRET_SETTINGS) {
    const secret = all[name];
    if (secret) all[name] = await keepSecret(name, secret);
  }
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, JSON.stringify(all, null, 2)); // JSON is YAML
  return all;
}

/** Takes away what `writeStage` put into the two stores. */
export async function forgetSecrets(): Promise<void> {
  const Names = SECRET_SETTINGS.map((variable) => parameterName("local", variable));
  await askAws({ service: "ssm", target: "AmazonSSM.DeleteParameters", body: { Names }, withinMilliseconds });
  const body = { SecretId: DIRECTORY_SECRET, ForceDeleteWithoutRecovery: true };
  await askAws({ service: "secretsmanager", target: "secretsmanager.DeleteSecret", body, withinMilliseconds });
}

const DIRECTORY_SECRET = "hubforge/local/ldap";

/** One goes to Secrets Manager, so that both stores are used. */
async function keepSecret(variable: string, secret: string): Promise<string> {
  if (variable === "LDAP_BIND_PASSWORD") {
    await putSecret(DIRECTORY_SECRET, JSON.stringify({ password: secret }));
    return `secretsmanager:${DIRECTORY_SECRET}#password`;
  }
  const name = parameterName("local", variable);
  await putParameter(name, secret);
  return `ssm:${name}`;
}

/** An emulator loads a service when it is first asked for. */
const withinMilliseconds = 60_000;

export async function putParameter(name: string, value: string): Promise<void> {
  const body = { Name: name, Value: value, Type: "SecureString", Overwrite: true };
  await askAws({ service: "ssm", target: "AmazonSSM.PutParameter", body, withinMilliseconds });
}

async function putSecret(id: string, value: string): Promise<void> {
  const ask = (action: string, what: Record<string, string>) => {
    const body = { ...what, ClientRequestToken: randomUUID() };
    return askAws({ service: "secretsmanager", target: `secretsmanager.${action}`, body, withinMilliseconds });
  };
  try {
    await ask("CreateSecret", { Name: id, SecretString: value });
  } catch (error) {
    if (!(error instanceof Error && error.name === "ResourceExistsException")) throw error;
    await ask("PutSecretValue", { SecretId: id, SecretString: value });
  }
}
