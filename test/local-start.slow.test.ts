import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { eventually } from "./support/eventually.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const run = promisify(execFile);

/** What a person's shell has: none of the settings of this test run. */
function shell(extra: Record<string, string> = {}): Record<string, string> {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH, HOME, ...extra };
}

type Program = { child: ChildProcessWithoutNullStreams; output: { out: string; error: string } };
const programs: Program[] = [];
afterEach(async () => {
  for (const { child } of programs.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await gone;
  }
});

/** `npm start -- …` without npm: its shell would keep a signal to itself. */
function start(flags: string[] = [], environment = shell()): Program & { exit: Promise<number | null> } {
  const child = spawn(process.execPath, ["infra/local/start.ts", ...flags], { cwd: ROOT, env: environment });
  const output = { out: "", error: "" };
  child.stdout.on("data", (chunk) => {
    output.out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output.error += chunk;
  });
  programs.push({ child, output });
  return { child, output, exit: new Promise((resolve) => child.once("close", resolve)) };
}

function send(...flags: string[]) {
  return run(process.execPath, ["infra/local/send.ts", ...flags], { cwd: ROOT, env: shell() });
}

const Login = z.strictObject({
  person: z.literal("ada"),
  delivery: z.string().startsWith("msg_"),
  stages: z.array(z.strictObject({ stage: z.string(), outcome: z.string(), milliseconds: z.number() })),
  repository: z.strictObject({ cloneUrl: z.url(), htmlUrl: z.url() }),
  commit: z.strictObject({ sha: z.string().length(40), author: z.string(), files: z.array(z.string()) }),
  giteaRequests: z.number(),
  milliseconds: z.number(),
});

describe("npm start", () => {
  it("ends with exit 0 and one JSON object about the first login, on --once --json", async () => {
    const { output, exit } = start(["--once", "--json"]);
    expect(await exit).toBe(0);
    const login = Login.parse(JSON.parse(output.out));
    expect(login.stages.map(({ stage }) => stage)).toEqual(["identity", "account", "team", "repository", "templates"]);
    expect(login.commit.author).toBe("Ada Lovelace <ada@uni.example>");
    expect(login.commit.files).toContain("IlumIntro.ipynb");
    expect(output.error).toContain("✔ templates");
  });

  it("prints a git clone line that works, takes the next event, and ends on Ctrl-C without a trace", async () => {
    const { child, output, exit } = start();
    await eventually(() => output.out).toContain("npm run send -- --user bob");
    const [, url = ""] = /git clone (\S+)/.exec(output.out) ?? [];
    const [, password = ""] = /LDAP password (\S+)/.exec(output.out) ?? [];
    expect(await filesOfClone(url, { user: "ada", password })).toEqual(expect.arrayContaining(["README.md", "work"]));

    const { stdout } = await send("--user", "bob");
    expect(stdout).toMatch(/^queued at http:\/\/127\.0\.0\.1:\d+: delivery msg_/);
    await eventually(() => output.out).toMatch(/bob +✔ templates +created/);
    expect((await send("--user", "bob", "--type", "server.stopped")).stdout).toMatch(/^queued/);
    await eventually(() => output.out).toMatch(/bob +✔ release/);

    const asked = Date.now();
    child.kill("SIGINT");
    expect(await exit).toBe(0);
    expect(Date.now() - asked).toBeLessThan(20_000);
    expect(existsSync(join(ROOT, ".hubforge", `run-${child.pid}`))).toBe(false);
    expect(await isListening(ldapPortOf(output.out))).toBe(false);
  });

  it("runs twice side by side: the second takes a free port and says so", async () => {
    const one = start();
    await eventually(() => one.output.out).toContain("Ingress");
    const two = start(["--once"]);
    expect(await two.exit).toBe(0);
    expect(ingressOf(two.output.out)).not.toBe(ingressOf(one.output.out));
  });

  it("says which port is taken when it was asked for by name", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = other.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const { output, exit } = start(["--once", "--port", String(port)]);
    expect(await exit).toBe(1);
    expect(output.error).toBe(
      `hubforge: port ${port} is taken by another program: name another one with --port, or leave --port out to get a free one\n`,
    );
    other.close();
  });

  it.each([["--colour"], ["--port=x"], ["once"]])("explains itself and exits 2 on %s", async (flag) => {
    const { output, exit } = start([flag]);
    expect(await exit).toBe(2);
    expect(output.error).toContain("usage: npm start --");
    expect(output.out).toBe("");
  });

  it("names every wrong setting at once and leaves nothing behind", async () => {
    const wrong = {
      WEBHOOK_SECRETS: "none",
      GITEA_TEAM: "everybody",
      LDAP_USER_SEARCH_FILTER: "(uid={0}",
      LIVY_URL: "nowhere",
      RETRY_FOR_MINUTES: "61",
      SYNC_CREATE: "some",
      LOG_LEVEL: "loud",
    };
    const environment = shell(wrong);
    const { child, output, exit } = start(["--once"], environment);
    expect(await exit).toBe(1);
    expect(output.error.startsWith("hubforge: wrong settings:\n")).toBe(true);
    const named = Array.from(output.error.matchAll(/^ {2}(\w+): /gm), ([, variable]) => variable);
    expect(named.toSorted()).toEqual(Object.keys(wrong).toSorted());
    expect(existsSync(join(ROOT, ".hubforge", `run-${child.pid}`))).toBe(false);
  });

  it("says what to do where git is missing", async () => {
    const { output, exit } = start(["--once"], shell({ PATH: "/nowhere" }));
    expect(await exit).toBe(1);
    expect(output.error).toBe(
      "hubforge: git is missing on this machine. This installs it:\n  sudo apt-get install -y --no-install-recommends git\n",
    );
  });

  it("sweeps away what a killed run left behind", async () => {
    const killed = start();
    await eventually(() => killed.output.out).toContain("ada starts a server");
    killed.child.kill("SIGKILL");
    await killed.exit;
    expect(await start(["--once"]).exit).toBe(0);
    await eventually(() => isListening(ldapPortOf(killed.output.out))).toBe(false);
    expect(await readdir(join(ROOT, ".hubforge"))).not.toContain(`run-${killed.child.pid}`);
  });
});

describe("npm run send", () => {
  it.each([
    [["--user", "bob", "--url", "http://127.0.0.1:1"], "--url and --secret go together"],
    [["--type", "server.stopped"], "--user is missing"],
    [["--user", "bob", "--type", "server.burnt"], "server.burnt is not an event"],
  ])("explains itself and exits 2 on %j", async (flags, sentence) => {
    await expect(send(...flags)).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining(sentence) });
  });

  it("says where nobody answers", async () => {
    const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
    const sending = send("--user", "bob", "--url", "http://127.0.0.1:1", "--secret", secret);
    await expect(sending).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/http:\/\/127.0.0.1:1 did not answer/),
    });
  });
});

const ldapPortOf = (output: string) => Number(/slapd on ldap:\/\/127\.0\.0\.1:(\d+)/.exec(output)?.[1]);
const ingressOf = (output: string) => /Ingress +(\S+)/.exec(output)?.[1];

/** Clones as a person at a prompt: the password is asked for, and typed. */
async function filesOfClone(url: string, { user, password }: { user: string; password: string }): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "hubforge-clone-"));
  const prompt = join(folder, "prompt");
  await writeFile(prompt, `#!/bin/sh\ncase "$1" in Username*) echo '${user}';; *) echo '${password}';; esac\n`);
  await chmod(prompt, 0o755);
  const env = { ...shell({ GIT_ASKPASS: prompt, GIT_CONFIG_GLOBAL: "/dev/null" }) };
  await run("git", ["clone", "--quiet", url, join(folder, "work")], { env });
  const files = await readdir(join(folder, "work"));
  await rm(folder, { recursive: true });
  return files;
}

async function isListening(port: number): Promise<boolean> {
  const probe = createServer();
  return await new Promise((resolve) => {
    probe.once("error", () => resolve(true)).listen(port, "127.0.0.1", () => probe.close(() => resolve(false)));
  });
}
