import * as z from "zod";
import { whyAndWhat } from "./why.ts";

/** What the references among some settings refer to; `problems` says, by variable, what could not be read and why. */
type Resolved = { values: Record<string, string>; problems: Record<string, string> };

/**
 * Replaces every value of the form `ssm:<name>` or `secretsmanager:<id>[#key]` by what it refers to. What speaks to
 * AWS is loaded only when a reference is met.
 */
export async function resolveReferences(settings: Record<string, string>): Promise<Resolved> {
  const resolved: Resolved = { values: {}, problems: {} };
  const readOne = async ([variable, value]: [string, string]) => {
    try {
      resolved.values[variable] = await resolve(value);
    } catch (cause) {
      resolved.problems[variable] = `cannot read ${value}: ${whyAndWhat(cause)}`;
    }
  };
  await Promise.all(Object.entries(settings).map(readOne));
  return resolved;
}

export type Reference = { store: "ssm" | "secretsmanager"; name: string };

/** What `value` refers to; undefined for a value that stands for itself. */
export function referenceIn(value: string): Reference | undefined {
  const [, store, name] = /^(ssm|secretsmanager):(.+)$/s.exec(value) ?? [];
  if (name === undefined || (store !== "ssm" && store !== "secretsmanager")) return undefined;
  return { store, name };
}

async function resolve(value: string): Promise<string> {
  const reference = referenceIn(value);
  if (!reference) return value;
  const text = reference.store === "ssm" ? await readParameter(reference.name) : await readSecret(reference.name);
  // Enter before Ctrl-D, or echo instead of printf: no token or password ends with a line end on purpose.
  return text.replace(/\r?\n$/, "");
}

const Parameter = z.object({ Parameter: z.object({ Value: z.string().min(1) }) });
const Secret = z.object({ SecretString: z.string().min(1) });

async function readParameter(name: string): Promise<string> {
  const { askAws } = await import("./aws-json.ts");
  const body = { Name: name, WithDecryption: true };
  const found = Parameter.safeParse(await askAws({ service: "ssm", target: "AmazonSSM.GetParameter", body }));
  if (!found.success) throw new Error("it has no value");
  return found.data.Parameter.Value;
}

/** `id#key` takes one key of a secret that is a JSON object, as Kubernetes-style secrets are (`usernameKey`, `passwordKey`). */
async function readSecret(reference: string): Promise<string> {
  const { askAws } = await import("./aws-json.ts");
  const [id, key] = reference.split("#", 2);
  const question = { service: "secretsmanager", target: "secretsmanager.GetSecretValue", body: { SecretId: id } };
  const found = Secret.safeParse(await askAws(question));
  const value = found.success && (key === undefined ? found.data.SecretString : keyOf(found.data.SecretString, key));
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
