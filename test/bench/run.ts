import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as z from "zod";
import { startSlapd } from "../../infra/local/slapd.ts";
import { startQueues } from "../support/queues.ts";
import { ldifOf, startLists } from "./large-world.ts";

export type Case = "directory" | "no change" | "1 % changed" | "first fill" | "bare reads";

const Measured = z.object({
  seconds: z.number(),
  /** Of the measured process: what other programs on the machine do does not show in it. */
  cpuSeconds: z.number(),
  megabytes: z.number(),
  requests: z.number(),
  sent: z.number(),
});
export type Measured = z.infer<typeof Measured>;

/** A real slapd of so many people, Gitea's lists for them, a queue; each case in a fresh process. */
export async function startBench(count: number) {
  const dir = await mkdtemp(join(tmpdir(), "hubforge-bench-"));
  const slapd = await startSlapd({ dir, seedLdif: ldifOf(count), config: "maxsize 4294967296" });
  const queues = await startQueues();
  const measure = async (what: Case): Promise<Measured> => {
    const lists = await startLists(what === "first fill" ? 0 : count, what === "1 % changed");
    const words = what === "bare reads" ? ["bare", ...lists.paths] : [what === "directory" ? "directory" : "sync"];
    const environment = {
      ...process.env,
      ...slapd.environment,
      ...queues.environment,
      AWS_ENDPOINT_URL: queues.endpoint,
      AWS_REGION: "eu-central-1",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      GITEA_URL: lists.url,
      GITEA_TOKEN: "bench",
      SYNC_CREATE: what === "first fill" ? "allowed" : "none",
    };
    const script = fileURLToPath(new URL("measure.ts", import.meta.url));
    const flags = ["--expose-gc", "--max-semi-space-size=16", script, ...words];
    const { stdout } = await promisify(execFile)(process.execPath, flags, { env: environment, maxBuffer: 2 ** 24 });
    await lists.stop();
    return Measured.parse(JSON.parse(stdout));
  };
  const stop = async () => {
    await queues.stop();
    await slapd.stop();
    await rm(dir, { recursive: true, force: true });
  };
  return { measure, stop };
}
