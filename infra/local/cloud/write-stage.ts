import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { askAws } from "#shared/aws-json.ts";
import { SECRET_SETTINGS, SETTING_NAMES } from "#shared/config.ts";
import { parameterName } from "../../stage-names.ts";

/**
 * The stage's file for these settings, below those of this shell, with every secret in its store and a reference in its
 * place. Returns its path and what is in it.
 */
export async function writeStage(
  dir: string,
  settings: Readonly<Record<string, string>>,
): Promise<{ path: string; settings: Record<string, string> }> {
  const ofShell = SETTING_NAMES.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []));
  const all: Record<string, string> = { ...Object.fromEntries(ofShell), ...settings };
  for (const name of SECRET_SETTINGS) {
    const secret = all[name];
    if (secret) all[name] = await keepSecret(name, secret);
  }
  await mkdir(dir, { recursive: true });
  const path = join(dir, "stage.yml");
  await writeFile(path, JSON.stringify(all, null, 2)); // JSON is YAML
  return { path, settings: all };
}

/** One goes to Secrets Manager, so that both stores are used. */
async function keepSecret(variable: string, secret: string): Promise<string> {
  if (variable === "LDAP_BIND_PASSWORD") {
    const id = "hubforge/local/ldap";
    await putSecret(id, JSON.stringify({ password: secret }));
    return `secretsmanager:${id}#password`;
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
