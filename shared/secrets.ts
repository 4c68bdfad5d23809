/** What the references among some settings refer to; `problems` says, by variable, what could not be read and why. */
type Resolved = { values: Record<string, string>; problems: Record<string, string> };

/**
 * Replaces every value of the form `ssm:<name>` or `secretsmanager:<id>[#key]` by what it refers to. The AWS clients are
 * loaded only when a reference is met; both find region, credentials and another endpoint as every AWS client does.
 */
export async function resolveReferences(settings: Record<string, string>): Promise<Resolved> {
  const resolved: Resolved = { values: {}, problems: {} };
  const readOne = async ([variable, value]: [string, string]) => {
    try {
      resolved.values[variable] = await resolve(value);
    } catch (cause) {
      const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
      resolved.problems[variable] = `cannot read ${value}: ${why}`;
    }
  };
  await Promise.all(Object.entries(settings).map(readOne));
  return resolved;
}

async function resolve(value: string): Promise<string> {
  const [, store, name] = /^(ssm|secretsmanager):(.+)$/s.exec(value) ?? [];
  if (store === undefined || name === undefined) return value;
  return store === "ssm" ? await readParameter(name) : await readSecret(name);
}

async function readParameter(name: string): Promise<string> {
  const { GetParameterCommand, SSMClient } = await import("@aws-sdk/client-ssm");
  const { Parameter } = await new SSMClient({}).send(new GetParameterCommand({ Name: name, WithDecryption: true }));
  if (!Parameter?.Value) throw new Error("it has no value");
  return Parameter.Value;
}

/** `id#key` takes one key of a secret that is a JSON object, as Kubernetes-style secrets are (`usernameKey`, `passwordKey`). */
async function readSecret(reference: string): Promise<string> {
  const { GetSecretValueCommand, SecretsManagerClient } = await import("@aws-sdk/client-secrets-manager");
  const [id, key] = reference.split("#", 2);
  const { SecretString } = await new SecretsManagerClient({}).send(new GetSecretValueCommand({ SecretId: id }));
  const value: unknown = key === undefined || !SecretString ? SecretString : keyOf(SecretString, key);
  if (typeof value !== "string" || value === "") throw new Error("it has no such text");
  return value;
}

/** The parser's own message would repeat the text. */
function keyOf(secret: string, key: string): unknown {
  try {
    return JSON.parse(secret)[key];
  } catch {
    throw new Error("it is no JSON object");
  }
}
