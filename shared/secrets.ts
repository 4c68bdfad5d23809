import { Retryable } from "./errors.ts";

/**
 * Replaces every value of the form `ssm:<name>` or `secretsmanager:<id>[#key]` by what it refers to.
 * The AWS clients are loaded only when a reference is met.
 * @throws Retryable `settings.unreadable` naming the variable: the secret's store may come back.
 */
export async function resolveReferences(
  values: Record<string, string | undefined>,
): Promise<Record<string, string | undefined>> {
  const resolved = await Promise.all(
    Object.entries(values).map(async ([variable, value]): Promise<[string, string | undefined]> => {
      if (value?.startsWith("ssm:"))
        return [variable, await read(variable, () => readParameter(value.slice("ssm:".length)))];
      if (value?.startsWith("secretsmanager:")) {
        return [variable, await read(variable, () => readSecret(value.slice("secretsmanager:".length)))];
      }
      return [variable, value];
    }),
  );
  return Object.fromEntries(resolved);
}

async function read(variable: string, fetchValue: () => Promise<string>): Promise<string> {
  try {
    return await fetchValue();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Retryable("settings.unreadable", `cannot read what ${variable} refers to: ${why}`, { cause });
  }
}

async function readParameter(name: string): Promise<string> {
  const { GetParameterCommand, SSMClient } = await import("@aws-sdk/client-ssm");
  const answer = await new SSMClient({}).send(new GetParameterCommand({ Name: name, WithDecryption: true }));
  if (answer.Parameter?.Value === undefined) throw new Error(`parameter ${name} has no value`);
  return answer.Parameter.Value;
}

/** `id#key` takes one key of a secret that is a JSON object, as Kubernetes-style secrets are (`usernameKey`, `passwordKey`). */
async function readSecret(reference: string): Promise<string> {
  const { GetSecretValueCommand, SecretsManagerClient } = await import("@aws-sdk/client-secrets-manager");
  const [id, key] = reference.split("#", 2);
  const answer = await new SecretsManagerClient({}).send(new GetSecretValueCommand({ SecretId: id }));
  const text = answer.SecretString;
  if (text === undefined) throw new Error(`secret ${id} has no text`);
  if (key === undefined) return text;
  const value: unknown = JSON.parse(text)[key];
  if (typeof value !== "string") throw new Error(`secret ${id} has no key ${key}`);
  return value;
}
