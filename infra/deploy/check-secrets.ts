import { askAws } from "#shared/aws-json.ts";
import { type Reference, referenceIn } from "#shared/secrets.ts";
import { bareName, parameterIn } from "./reference-name.ts";
import { DeployTrouble } from "./trouble.ts";

/**
 * That everything the settings refer to is there, without reading it. Whoever may not look is not stopped: the functions
 * may, and say so otherwise.
 * @throws DeployTrouble with a command for each one that is missing
 */
export async function checkSecrets(settings: Readonly<Record<string, string>>): Promise<void> {
  const references = Object.entries(settings).flatMap(([variable, value]) => {
    const reference = referenceIn(value);
    return reference ? [{ variable, value, reference }] : [];
  });
  const missing = await Promise.all(
    references.map(async ({ variable, value, reference }) =>
      (await isMissing(reference)) ? [`${variable}: there is no ${value}\n    ${commandFor(reference)}`] : [],
    ),
  );
  if (missing.flat().length === 0) return;
  const lines = missing.flat().map((line) => `  ${line}`);
  throw new DeployTrouble(
    `secrets come first (each command takes what you paste, and Ctrl-D twice):\n${lines.join("\n")}`,
  );
}

async function isMissing(reference: Reference): Promise<boolean> {
  const { store, name } = reference;
  const question =
    store === "ssm"
      ? { service: "ssm", target: "AmazonSSM.GetParameter", body: { Name: name, WithDecryption: false } }
      : { service: "secretsmanager", target: "secretsmanager.DescribeSecret", body: { SecretId: bareName(reference) } };
  try {
    await askAws(question);
    return false;
  } catch (error) {
    return error instanceof Error && /^(ParameterNotFound|ResourceNotFoundException)$/.test(error.name);
  }
}

/** A secret as an argument would stand in the shell's history and in the list of processes. */
function commandFor(reference: Reference): string {
  const typed = "file:///dev/stdin";
  return reference.store === "ssm"
    ? `aws ssm put-parameter --type SecureString --name ${parameterIn(reference)} --value ${typed}`
    : `aws secretsmanager create-secret --name ${bareName(reference)} --secret-string ${typed}`;
}
