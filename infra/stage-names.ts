/** The words that a stage may be called by: its name is in the name of everything that is deployed, and AWS takes 64 characters there. */
export const isStageName = (text: string) => /^[a-z][a-z0-9-]{0,30}$/.test(text);
export const STAGE_NAME_RULE = "lower case letters, digits and -, at most 31, a letter first";

/** `hubforge-<stage>`, which every resource's name begins with; `parts` follow. */
export function stackName({ stage }: { stage: string }, ...parts: string[]): string {
  return ["hubforge", stage, ...parts].join("-");
}

export const logGroup = (stage: string, lambda: string) => `/aws/lambda/${stackName({ stage }, lambda)}`;

/** Where Parameter Store has the secret of a setting. */
export function parameterName(stage: string, setting: string): string {
  return `/hubforge/${stage}/${setting.toLowerCase().replaceAll("_", "-")}`;
}
