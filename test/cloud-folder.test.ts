import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { startProgram } from "../infra/local/cloud/emulator.ts";
import { queuePort } from "../infra/local/cloud/queue-port.ts";
import { takeFolder } from "../infra/local/cloud/start-cloud.ts";
import { preferPort } from "../infra/local/hub/free-ports.ts";
import { createRunFolder } from "../infra/local/run-folder.ts";
import { startSlapd } from "../infra/local/slapd.ts";

let dir: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "hubforge-cloud-folder-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(dir, { recursive: true, force: true });
});

/** What ministack writes down of its queues. */
const keepQueues = (port: number) => {
  const key = `000000000000\0eu-central-1\0'http://127.0.0.1:${port}/000000000000/hubforge-local-team.fifo'`;
  const queue = {
    name: "hubforge-local-team.fifo",
    url: `http://127.0.0.1:${port}/000000000000/hubforge-local-team.fifo`,
  };
  return writeFile(join(dir, "sqs.json"), JSON.stringify({ payload: { queues: { data: { [key]: queue } } } }));
};

describe("the port that kept queues are found at", () => {
  it("is a free one in a new folder, and theirs from then on", async () => {
    expect(await queuePort(dir)).toBeGreaterThan(0);
    const port = await preferPort(0);
    await keepQueues(port);
    expect(await queuePort(dir)).toBe(port);
  });

  it("ends the start with one sentence where it is taken: another one would strand every event", async () => {
    const other = createServer();
    onTestFinished(() => void other.close());
    await once(other.listen(0, "127.0.0.1"), "listening");
    const address = other.address();
    const port = typeof address === "object" && address ? address.port : 0;
    await keepQueues(port);
    await expect(queuePort(dir)).rejects.toThrow(
      `port ${port} is taken by another program, and the queues that ${dir} keeps can be found at that port alone: end the program (lsof -i :${port} names it), or delete that folder, and with it the events that wait there`,
    );
  });
});

/** A program that stays until it is told to end, and then writes so down. */
const STAYS = `process.on("SIGTERM", () => { require("fs").writeFileSync(process.argv[1] + "/ended", ""); process.exit(); });
setInterval(() => {}, 1000); console.log("up")`;

async function stay(...words: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["--eval", STAYS, "--", ...words]);
  children.push(child);
  await once(child.stdout, "data");
  return child;
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

describe("the folder of a start that was killed", () => {
  it("is gone on with after its emulator and its slapd have ended, the emulator in order", async () => {
    const emulator = await stay(join(dir, "cloud"));
    await mkdir(join(dir, "cloud"));
    await writeFile(join(dir, "cloud/pid"), String(emulator.pid));
    const slapd = await startSlapd({ dir: join(dir, "slapd") });
    onTestFinished(() => slapd.stop("SIGKILL"));
    const { release } = await takeFolder(dir);
    release();
    expect(await readFile(join(dir, "cloud/ended"), "utf8")).toBe("");
    const again = await startSlapd({ dir: join(dir, "slapd"), port: Number(new URL(slapd.url).port) });
    await again.stop();
  });

  it("never ends a stranger that has the emulator's number by now", async () => {
    const stranger = await stay(tmpdir());
    await mkdir(join(dir, "cloud"));
    await writeFile(join(dir, "cloud/pid"), String(stranger.pid));
    const { release } = await takeFolder(dir);
    release();
    expect(hasEnded(stranger)).toBe(false);
  });

  it("is not taken from one that runs, which is named", async () => {
    const { release } = await takeFolder(dir);
    await expect(takeFolder(dir)).rejects.toThrow(
      `another npm start -- --cloud runs from this folder (process ${process.pid}): end it, or add --once`,
    );
    release();
    (await takeFolder(dir)).release();
  });
});

describe("an emulator's program", () => {
  const start = (program: string, script: string) =>
    startProgram({
      name: "emulator",
      python: program,
      script: pathToFileURL(script),
      dir: join(dir, "cloud"),
      port: 1,
      environment: { PYTHONPATH: join(dir, "python"), PYTHONDONTWRITEBYTECODE: "1" },
    });

  it("that is not there is one sentence", async () => {
    await expect(start("/nowhere/python", "launch.py")).rejects.toThrow(
      "emulator could not be started: spawn /nowhere/python ENOENT",
    );
  });

  it("runs in a folder for this user's eyes, and its number lies there", async () => {
    const script = join(dir, "launch.sh");
    await writeFile(script, "echo $$");
    const failed = await start("/bin/sh", script).catch((error: Error) => error.message);
    const pid = await readFile(join(dir, "cloud/pid"), "utf8");
    expect(failed).toContain(`emulator did not start on http://127.0.0.1:1: ${pid} (`);
    expect(await modeOf(join(dir, "cloud"))).toBe(0o700);
  });

  it.each(["launch_ministack.py", "launch_localstack.py"])(
    "writes its state for this user's eyes, and hears no word of ours (%s)",
    async (launcher) => {
      await fakeEmulators(join(dir, "python"));
      const script = fileURLToPath(new URL(`../infra/local/cloud/${launcher}`, import.meta.url));
      const failed = await start("python3", script).catch((error: Error) => error.message);
      expect(failed).toContain("did not start on http://127.0.0.1:1: called with [] (");
      expect(await modeOf(join(dir, "cloud/ssm.json"))).toBe(0o600);
    },
  );
});

it("everything of a run lies below a folder for this user's eyes", async () => {
  const { path, remove } = createRunFolder();
  onTestFinished(remove);
  expect([await modeOf(path), await modeOf(dirname(path))]).toEqual([0o700, 0o700]);
});

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

/** What the launchers find of both emulators; each writes one file, says what it was called with, and ends. */
async function fakeEmulators(path: string): Promise<void> {
  const run = "import sys\nopen('ssm.json', 'w').close()\nprint('called with', sys.argv[1:])\n";
  const files = {
    "ministack-1.5.33.dist-info/METADATA": "Metadata-Version: 2.1\nName: ministack\nVersion: 1.5.33\n",
    "ministack/services/lambda_svc.py": "_sqs_esm_concurrency = None",
    "ministack/services/apigateway.py": "_HOST = ''",
    "ministack/app.py": `def main():\n    ${run.trim().split("\n").join("\n    ")}`,
    "localstack_core-4.13.1.dist-info/METADATA": "Metadata-Version: 2.1\nName: localstack-core\nVersion: 4.13.1\n",
    "twisted/internet/endpoints.py": "class TCP4ServerEndpoint:\n    pass",
    "localstack/services/lambda_/invocation/runtime_executor.py": "get_runtime_executor = None",
    "localstack/runtime/main.py": run,
  };
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), text);
  }
}
