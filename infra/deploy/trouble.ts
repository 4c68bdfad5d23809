/** Why a deployment cannot go on, in words for the person who asked for it: what is wrong and what to do. */
export class DeployTrouble extends Error {
  override readonly name = "DeployTrouble";
}

const REFUSED =
  /^(ExpiredToken|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|InvalidSignature|AuthFailure)/;

/** One sentence about an AWS call that failed before anything was changed. */
export function asTrouble(cause: unknown, region: string): DeployTrouble {
  const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
  const endpoint = process.env["AWS_ENDPOINT_URL"];
  return new DeployTrouble(sentenceOf(`${name}`, message, { region, endpoint }), { cause });
}

function sentenceOf(name: string, message: string, at: { region: string; endpoint: string | undefined }): string {
  if (/CredentialsProvider|TokenProvider/.test(name)) {
    return `no AWS credentials (${message}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`;
  }
  if (REFUSED.test(name)) return `AWS refuses these credentials in ${at.region} (${name}: ${message}): sign in again`;
  if (/AccessDenied/.test(name)) return `these credentials may not do that in ${at.region}: ${message}`;
  if (/ENOTFOUND|EAI_AGAIN/.test(message)) {
    return `there is no AWS at the region ${at.region}, or no network (${message}): check --region`;
  }
  if (at.endpoint)
    return `AWS_ENDPOINT_URL is ${at.endpoint}, and nobody answers there as AWS would: ${name} ${message}`;
  return `AWS in ${at.region} does not answer: ${name}: ${message}`;
}
