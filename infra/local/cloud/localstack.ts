import { join } from "node:path";
import { why } from "#shared/why.ts";
import { LOCAL_REGION } from "../embedded-queues.ts";
import { keptPort } from "../kept-port.ts";
import { type Address, type Emulator, type EmulatorOptions, startProgram } from "./emulator.ts";
import { findPython, PythonMissing } from "./python.ts";
import { ensureVenv } from "./venv.ts";

const LAUNCHER = new URL("launch_localstack.py", import.meta.url);

/** What infra/ uses; a service that is not named refuses every call. */
const SERVICES =
  "sqs,cloudformation,lambda,events,scheduler,ssm,secretsmanager,iam,sts,s3,logs,apigateway,kms,cloudwatch,sns";

/** The last core that needs no token is for Python 3.13; Debian 12 has 3.11. */
export async function installLocalStack(say: (line: string) => void): Promise<string> {
  await findPython({ from: [3, 11], to: [3, 13] }); // its sentence names every Python that would do
  const install = (release: string, from: [number, number], to: [number, number]) =>
    ensureVenv({
      name: `localstack-core-${release}`,
      requirements: new URL(`localstack-${release}.txt`, import.meta.url),
      python: { from, to },
      megabytes: 500,
      say,
    });
  return await install("2026.3.0", [3, 13], [3, 13]).catch((cause: unknown) => {
    if (!(cause instanceof PythonMissing)) throw cause;
    return install("4.13.1", [3, 11], [3, 12]);
  });
}

/** LocalStack: the one that runs at `AWS_ENDPOINT_URL` (Docker), else its open core in host mode, which keeps no state. */
export async function startLocalStackCore({ dir, say }: EmulatorOptions): Promise<Emulator> {
  const running = process.env["AWS_ENDPOINT_URL"];
  if (running) {
    await requireAnswer(running);
    return localStackAt(running, { outlivesUs: true, stop: async () => undefined });
  }
  const python = await installLocalStack(say);
  const port = await keptPort(dir);
  const { endpoint, stop } = await startProgram({
    name: "localstack",
    python,
    script: LAUNCHER,
    dir,
    port,
    environment: {
      GATEWAY_LISTEN: `127.0.0.1:${port}`,
      LOCALSTACK_HOST: `127.0.0.1:${port}`,
      SQS_ENDPOINT_STRATEGY: "path",
      SERVICES,
      AWS_DEFAULT_REGION: LOCAL_REGION,
      EAGER_SERVICE_LOADING: "1",
      DISABLE_EVENTS: "1",
      SKIP_SSL_CERT_DOWNLOAD: "1",
      DNS_ADDRESS: "0",
      LOCALSTACK_VOLUME_DIR: join(dir, "var"),
      FILESYSTEM_ROOT: join(dir, "files"),
      CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES: "1",
      // By default a mapping looks once a second, and every 10 s at an empty queue.
      LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC: "0.05",
      LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC: "1",
    },
  });
  return localStackAt(endpoint, { outlivesUs: false, stop });
}

const ANSWERS_WITHIN_MILLISECONDS = 10_000;

async function requireAnswer(endpoint: string): Promise<void> {
  const ask = async () =>
    fetch(new URL("/_localstack/health", endpoint), { signal: AbortSignal.timeout(ANSWERS_WITHIN_MILLISECONDS) });
  const seen = await ask().then(
    ({ ok, status }) => (ok ? undefined : `it answers ${status}`),
    (error: Error) => why(error.cause ?? error),
  );
  if (seen === undefined) return;
  throw new Error(
    `AWS_ENDPOINT_URL is ${endpoint}, and no LocalStack answers there (${seen}): start it, or unset AWS_ENDPOINT_URL to have its open core run here`,
  );
}

/** Function URLs only: its open core has no HTTP API. */
function localStackAt(endpoint: string, life: Pick<Emulator, "outlivesUs" | "stop">): Emulator {
  return {
    name: "LocalStack",
    endpoint,
    http: "function-urls",
    addressOf: (lambda, outputs) => addressOf(endpoint, lambda, outputs),
    ...life,
  };
}

/**
 * The URL's name resolves nowhere, but decides where a request goes: it travels as the Host of a request to the endpoint. Its
 * end is changed to one that a URL may have (`….127.0.0.1` is none); the function is told it as its own domain.
 */
function addressOf(endpoint: string, lambda: string, outputs: Readonly<Record<string, string>>): Address {
  const output = `${lambda.charAt(0).toUpperCase()}${lambda.slice(1)}LambdaFunctionUrl`;
  const [, host] = /^https?:\/\/(\w+\.lambda-url\.[\w-]+)\./.exec(outputs[output] ?? "") ?? [];
  if (!host) throw new Error(`the stack's output ${output} is no function URL: ${outputs[output]}`);
  return { url: endpoint, host: `${host}.localhost:${new URL(endpoint).port}` };
}
