import { createHash, createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { defaultProvider } from "@aws-sdk/credential-provider-node";
import { SignatureV4 } from "@smithy/signature-v4";

/**
 * One question to a service that speaks AWS's JSON protocol 1.1 (Parameter Store, Secrets Manager, CloudWatch Logs), signed
 * by AWS's own code. Their whole clients would make every bundle 260 kB larger for one call.
 */
export type AwsQuestion = {
  service: string;
  target: string;
  body: Readonly<Record<string, unknown>>;
  /** 3 s by default: a cold start has 8. */
  withinMilliseconds?: number;
};

const ATTEMPTS = 3;

const credentials = defaultProvider();

/**
 * Region, credentials and another endpoint (`AWS_ENDPOINT_URL_<SERVICE>`, `AWS_ENDPOINT_URL`) are found as every AWS client
 * finds them; throttling, 5xx and no answer are tried three times.
 * @throws Error named after AWS's own code, e.g. `ParameterNotFound`
 */
export async function askAws(question: AwsQuestion): Promise<unknown> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await askOnce(question);
    } catch (error) {
      if (attempt === ATTEMPTS || (error instanceof AwsRefusal && !error.isPassing)) throw error;
      await sleep(Math.random() * 100 * 2 ** attempt);
    }
  }
}

class AwsRefusal extends Error {
  readonly isPassing: boolean;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = code;
    this.isPassing = status >= 500 || /Throttl|TooManyRequests/.test(code);
  }
}

async function askOnce({ service, target, body, withinMilliseconds = 3_000 }: AwsQuestion): Promise<unknown> {
  const url = new URL(endpointOf(service));
  const text = JSON.stringify(body);
  const signer = new SignatureV4({ service, region: region(), credentials, sha256: Sha256 });
  const { headers } = await signer.sign({
    method: "POST",
    protocol: url.protocol,
    hostname: url.hostname,
    path: "/",
    headers: { host: url.host, "content-type": "application/x-amz-json-1.1", "x-amz-target": target },
    body: text,
  });
  const signal = AbortSignal.timeout(withinMilliseconds);
  const response = await fetch(url, { method: "POST", headers, body: text, signal });
  const answer = parse(await response.text());
  if (response.ok) return answer;
  const code = String(answer["__type"] ?? `HTTP ${response.status}`).replace(/^.*#/, "");
  throw new AwsRefusal(response.status, code, String(answer["message"] ?? answer["Message"] ?? `from ${url.host}`));
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch {
    return {}; // a proxy's page
  }
}

function region(): string {
  const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
  const found = AWS_REGION ?? AWS_DEFAULT_REGION;
  if (!found) throw new Error("no region: set AWS_REGION");
  return found;
}

function endpointOf(service: string): string {
  const own = process.env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ?? process.env["AWS_ENDPOINT_URL"];
  const domain = region().startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return own ?? `https://${service}.${region()}.${domain}`;
}

/** What the signer wants of SHA-256 and HMAC, by Node's own. */
class Sha256 {
  readonly #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bytes(secret));
  }
  update(text: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytes(text));
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

function bytes(from: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof from === "string") return Buffer.from(from);
  return from instanceof ArrayBuffer ? Buffer.from(from) : Buffer.from(from.buffer, from.byteOffset, from.byteLength);
}
