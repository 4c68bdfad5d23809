import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** Something on loopback that answers as AWS does. */
export type Emulator = {
  name: string;
  /** `http://127.0.0.1:<port>` */
  endpoint: string;
  /** What it has of the two ways in (STACK_HTTP). */
  http: "api" | "function-urls";
  /** Where the function answers, from the outputs of the stack. */
  addressOf(lambda: string, outputs: Readonly<Record<string, string>>): Address;
  /** Somebody else's, which runs on when we end: what must not stay in it has to be taken away. */
  outlivesUs: boolean;
  stop(): Promise<void>;
};
export type EmulatorOptions = { dir: string; say: (line: string) => void };
/** An address on loopback, and the name that it has to be called by if that decides where a request goes. */
export type Address = { url: string; host?: string };

type ProgramOptions = {
  name: string;
  python: string;
  /** Its first word is the launcher. */
  script: URL;
  dir: string;
  port: number;
  environment: Readonly<Record<string, string>>;
};

const ANSWERS_WITHIN_MILLISECONDS = 60_000;
const STOPS_WITHIN_MILLISECONDS = 20_000;

/** Runs an emulator as a child until `stop`, which lets it write down its state. What it prints goes to `<dir>/<name>.log`. */
export async function startProgram(options: ProgramOptions): Promise<{ endpoint: string; stop(): Promise<void> }> {
  const { name, python, script, dir, port, environment } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  // Emulators unpack scripts of theirs below, in CommonJS; the package.json of this project would make modules of them.
  await writeFile(join(dir, "package.json"), "{}");
  const log = openSync(join(dir, `${name}.log`), "w", 0o600);
  const { HOME = "", LANG = "C.UTF-8" } = process.env;
  // The folder tells whose process this is, where we are killed and the next start finds it (left-over.ts).
  const child = spawn(python, [fileURLToPath(script), dir], {
    cwd: dir,
    // Nothing else of this shell: a profile or a proxy of the user's own would change what the emulator does.
    env: { HOME, LANG, TMPDIR: dir, PATH: pathWithThisNode(), ...environment },
    // A file and no pipe: it has to be able to end in order when we are gone.
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const killWithUs = () => child.kill("SIGKILL");
  process.once("exit", killWithUs);
  child.once("exit", () => process.off("exit", killWithUs));
  await writeFile(join(dir, "pid"), String(await startedAs(child, name)));
  const endpoint = `http://127.0.0.1:${port}`;
  await untilHealthy(child, endpoint, name, join(dir, `${name}.log`));
  return { endpoint, stop: () => stop(child) };
}

function startedAs(child: ChildProcess, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("spawn", () => resolve(child.pid ?? 0));
    child.once("error", (cause) => reject(new Error(`${name} could not be started: ${cause.message}`, { cause })));
  });
}

/** Functions of nodejs24.x run on the first `node` that is found. */
function pathWithThisNode(): string {
  return [dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter);
}

async function untilHealthy(child: ChildProcess, endpoint: string, name: string, log: string): Promise<void> {
  const deadline = Date.now() + ANSWERS_WITHIN_MILLISECONDS;
  while (Date.now() < deadline && isRunning(child)) {
    const answer = await fetch(`${endpoint}/_localstack/health`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(100);
  }
  await stop(child);
  const words = await readFile(log, "utf8").catch(() => "");
  throw new Error(`${name} did not start on ${endpoint}: ${words.trim().split("\n").at(-1) ?? ""} (${log})`);
}

const isRunning = (child: ChildProcess) => child.exitCode === null && child.signalCode === null;

async function stop(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), STOPS_WITHIN_MILLISECONDS);
  await gone;
  clearTimeout(late);
}
