import { spawn } from "node:child_process";
import { copyFile, cp, mkdir, symlink } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PROGRAM = join(ROOT, "node_modules/osls/bin/serverless.js");

/** Which deployment of the service: the same words that osls takes. */
export type Target = { stage: string; region: string; parameters?: Readonly<Record<string, string | number>> };

export type OslsOptions = Target & {
  /** Where it works; by default the project's folder, which takes one run at a time. */
  folder?: string;
  /** Other words for the command, e.g. `--package`. */
  words?: string[];
  environment?: Readonly<Record<string, string | undefined>>;
  /** What it prints. */
  say: (text: string) => void;
};

/** What ends us ends osls: it must not go on deploying when nobody looks at it any more. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs `osls <command>`. @throws OslsFailed with the end of what it printed, when it does not end well */
export async function runOsls(command: "package" | "deploy" | "remove", options: OslsOptions): Promise<void> {
  const { stage, region, parameters = {}, folder = ROOT, words = [], environment, say } = options;
  const flags = Object.entries(parameters).flatMap(([name, value]) => ["--param", `${name}=${value}`]);
  const child = spawn(process.execPath, [PROGRAM, command, "--stage", stage, "--region", region, ...flags, ...words], {
    cwd: folder,
    env: { ...process.env, ...quiet(), ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const endWithUs = () => child.kill();
  const passOn = (signal: NodeJS.Signals) => child.kill(signal);
  process.once("exit", endWithUs);
  for (const signal of SIGNALS) process.on(signal, passOn);
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed = (printed + text).slice(-4_000);
      say(text);
    });
  }
  const ended = new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  const code = await ended.finally(() => {
    process.off("exit", endWithUs);
    for (const signal of SIGNALS) process.off(signal, passOn);
  });
  if (code !== 0) throw new OslsFailed(command, printed.trim());
}

export class OslsFailed extends Error {
  override readonly name = "OslsFailed";
  constructor(command: string, printed: string) {
    super(`osls ${command} failed:\n${printed}`);
  }
}

/** No telemetry, no news, and Node 24 first for what it starts itself. */
function quiet(): Record<string, string> {
  const path = [join(ROOT, "node_modules/.bin"), process.env["PATH"] ?? ""].join(delimiter);
  return { SLS_TELEMETRY_DISABLED: "1", SLS_NOTIFICATIONS_MODE: "off", PATH: path };
}

/**
 * A folder of its own that points here: the bundler's work folder is fixed, and a second run would sweep it away.
 * @param handlers other sources for some functions' handlers, which only tests want
 */
export async function oslsFolder(folder: string, handlers: Readonly<Record<string, URL>> = {}): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const name of ["infra", "shared", "node_modules", "package.json", "tsconfig.json"]) {
    await symlink(join(ROOT, name), join(folder, name));
  }
  await cp(join(ROOT, "functions"), join(folder, "functions"), { recursive: true });
  for (const [name, source] of Object.entries(handlers)) {
    await copyFile(source, join(folder, "functions", name, "handler.ts"));
  }
  await copyFile(join(ROOT, "serverless.yml"), join(folder, "serverless.yml"));
  return folder;
}
