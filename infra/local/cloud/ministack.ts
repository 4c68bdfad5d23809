import { join } from "node:path";
import { LOCAL_REGION } from "../embedded-queues.ts";
import { type Emulator, type EmulatorOptions, startProgram } from "./emulator.ts";
import { queuePort } from "./queue-port.ts";
import { ensureVenv } from "./venv.ts";

/** Lists every package with the hashes of its files. */
const REQUIREMENTS = new URL("ministack.txt", import.meta.url);
const LAUNCHER = new URL("launch_ministack.py", import.meta.url);

export function installMinistack(say: (line: string) => void): Promise<string> {
  return ensureVenv({
    name: "ministack",
    requirements: REQUIREMENTS,
    python: { from: [3, 10], to: [3, 14] },
    megabytes: 90,
    say,
  });
}

/** AWS as ministack does it: CloudFormation, Lambda in processes of their own, SQS, an HTTP API. Its state stays in `dir`. */
export async function startMinistack({ dir, say }: EmulatorOptions): Promise<Emulator> {
  const python = await installMinistack(say);
  const port = await queuePort(dir);
  const { endpoint, stop } = await startProgram({
    name: "ministack",
    python,
    script: LAUNCHER,
    dir,
    port,
    environment: {
      GATEWAY_PORT: String(port),
      BIND_HOST: "127.0.0.1",
      MINISTACK_HOST: "127.0.0.1",
      AWS_DEFAULT_REGION: LOCAL_REGION,
      STATE_DIR: dir,
      PERSIST_STATE: "1",
      S3_DATA_DIR: join(dir, "s3"),
      S3_PERSIST: "1",
    },
  });
  return {
    name: "ministack",
    endpoint,
    http: "api",
    outlivesUs: false,
    addressOf: (_lambda, outputs) => addressOf(endpoint, outputs),
    stop,
  };
}

/** The outputs name an address as AWS has it; the emulator answers on a path of its own. */
function addressOf(endpoint: string, { HttpApiId }: Readonly<Record<string, string>>) {
  if (!HttpApiId) throw new Error("the stack has no output HttpApiId");
  return { url: `${endpoint}/_aws/execute-api/${HttpApiId}/$default` };
}
