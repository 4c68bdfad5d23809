import { type AwsFailure, awsFailureOf } from "../aws-failure.ts";

/** Why a deployment cannot go on, in words for the person who asked for it: what is wrong and what to do. */
export class DeployTrouble extends Error {
  override readonly name = "DeployTrouble";
}

/** One sentence about an AWS call that failed before anything was changed. */
export function asTrouble(cause: unknown, region: string): DeployTrouble {
  return new DeployTrouble(sentenceOf(awsFailureOf(cause), region, process.env["AWS_ENDPOINT_URL"]), { cause });
}

function sentenceOf({ kind, name, message, code }: AwsFailure, region: string, endpoint: string | undefined): string {
  if (kind === "missing")
    return `no AWS credentials (${message}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`;
  if (kind === "refused") return `AWS refuses these credentials in ${region} (${name}: ${message}): sign in again`;
  if (kind === "denied") return `these credentials may not do that in ${region}: ${message}`;
  if (/^(ENOTFOUND|EAI_)/.test(code))
    return `there is no AWS at the region ${region}, or no network (${message}): check --region`;
  if (endpoint) return `AWS_ENDPOINT_URL is ${endpoint}, and nobody answers there as AWS would: ${name} ${message}`;
  return `AWS in ${region} does not answer: ${name}: ${message}`;
}
