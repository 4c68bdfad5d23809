import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { loadSettings } from "#shared/config.ts";
import type { LogLine } from "#shared/log.ts";
import { publishStack } from "../ops/publish-stack.ts";
import { checkEverySetting, unusedSettings } from "./check-settings.ts";
import { startCloud } from "./cloud/start-cloud.ts";
import { explain } from "./explain.ts";
import { type Login, logIn, type Reader } from "./first-login.ts";
import { findOrInstallHub } from "./hub/install-hub.ts";
import { serveHub, showLogin } from "./hub/serve-hub.ts";
import type { RealHub } from "./hub/start-hub.ts";
import { interrupted, stopSoon } from "./interruption.ts";
import { createScreen, type Screen, stageText } from "./progress.ts";
import { createRunFolder, type RunFolder } from "./run-folder.ts";
import { type Stack, type StackOptions, startLocalStack } from "./stack.ts";
import { type Flags, readFlags, USAGE } from "./start-flags.ts";
import { syncText } from "./sync-notice.ts";

/** Ada of infra/local/directory/seed.ldif. */
const PERSON = { user: "ada", password: "ada-password" };

process.exitCode = await main();
// A login that was cut short still waits for its end; nobody waits with it.
setTimeout(() => process.exit(), 100).unref();

async function main(): Promise<number> {
  const flags = readFlags(process.argv.slice(2));
  if (typeof flags === "string") {
    process.stderr.write(`${flags}\n\n${USAGE}`);
    return 2;
  }
  const screen = createScreen(flags.json ? process.stderr : process.stdout);
  try {
    return await run(flags, screen);
  } catch (error) {
    process.stderr.write(`hubforge: ${explain(error)}\n`);
    return 1;
  }
}

async function run(flags: Flags, screen: Screen): Promise<number> {
  await requireGit();
  if (flags.hub) await findOrInstallHub((line) => screen.say(screen.dim(line)));
  const interruption = interrupted();
  const folder = createRunFolder();
  try {
    const options = await stackOptions(folder, flags, screen);
    const starting = flags.cloud ? startCloud(flags.cloud, flags, options, screen) : startLocalStack(options);
    const stack = await Promise.race([starting, interruption]);
    if (typeof stack === "number") {
      screen.say("stopping as soon as the start is through; another Ctrl-C ends it at once");
      await starting.then((started) => started.stop()).catch(() => undefined);
      return stack;
    }
    let code = 1;
    try {
      code = await serve(stack, { flags, screen, folder, interruption });
    } finally {
      await stopSoon(stack, { folder, code, beside: flags.cloud ? "cloud" : flags.hub ? "hub" : undefined });
    }
    return code;
  } finally {
    folder.remove();
  }
}

type Session = { flags: Flags; screen: Screen; folder: RunFolder; interruption: Promise<number> };

/** The first login, then whatever comes until Ctrl-C. */
async function serve(stack: Stack, { flags, screen, folder, interruption }: Session): Promise<number> {
  folder.writeState(stateOf(stack));
  publishStack(folder.path, stack);
  const showSync = (line: LogLine) => {
    const text = syncText(line);
    if (text) screen.say(text);
  };
  stack.lines.forEach(showSync);
  stack.onLine(showSync);
  const reader = readerOf(stack);
  if (flags.hub) return await serveBrowser(stack, { screen, folder, interruption });
  const login = await Promise.race([
    logIn(stack, { person: PERSON.user, reader, dir: folder.path, screen }),
    interruption,
  ]);
  if (typeof login === "number") return login;
  if (flags.json) process.stdout.write(`${JSON.stringify(login)}\n`);
  const isComplete = login.commit !== undefined;
  if (!isComplete) screen.say(`  not complete: ${login.failure?.code}: ${login.failure?.reason}`);
  if (flags.once) return isComplete ? 0 : 1;
  showWhatNext(stack, login, screen);
  await showStages(stack, screen, interruption);
  return 0;
}

async function showStages(stack: Stack, screen: Screen, interruption: Promise<number>): Promise<void> {
  stack.onLine((line) => {
    const text = stageText(line);
    if (text) screen.say(`${(line.person ?? "").padEnd(10)} ${text.trim()}`);
  });
  await interruption;
  screen.say("stopping");
}

/** A real hub beside the stack; the first login is the visitor's. */
async function serveBrowser(stack: Stack, { screen, folder, interruption }: Omit<Session, "flags">): Promise<number> {
  const starting = serveHub(stack, folder, screen);
  const hub: RealHub | number = await Promise.race([starting, interruption]);
  if (typeof hub === "number") {
    await starting.then((started) => started.stop()).catch(() => undefined);
    return hub;
  }
  try {
    folder.writeState({ ...stateOf(stack), hubPid: hub.pid() });
    showLogin(hub, screen);
    await showStages(stack, screen, interruption);
    return 0;
  } finally {
    await hub.stop();
  }
}

function stateOf({ url, hub, secret }: Stack) {
  return { url, hub, secret };
}

async function stackOptions(folder: RunFolder, { ports }: Flags, screen: Screen): Promise<StackOptions> {
  const { GITEA_URL, AWS_ENDPOINT_URL, WEBHOOK_SECRETS } = process.env;
  await checkEverySetting(process.env, GITEA_URL);
  for (const idle of unusedSettings(process.env, GITEA_URL)) screen.say(`  ! ${idle}`);
  const settings = WEBHOOK_SECRETS ? await loadSettings(["webhooks"], process.env) : undefined;
  return {
    dir: folder.path,
    ports,
    // The small university of this run must never decide who has left somebody else's Gitea.
    isSyncing: !GITEA_URL,
    ...(GITEA_URL && { giteaUrl: GITEA_URL.replace(/\/+$/, "") }),
    ...(AWS_ENDPOINT_URL && { sqsEndpoint: AWS_ENDPOINT_URL }),
    ...(settings && { webhookSecrets: settings.WEBHOOK_SECRETS }),
    onPart: (part, where) => screen.say(`  ${part.padEnd(12)} ${where}`),
    onTrouble: (sentence) => screen.say(`  ! ${sentence}`),
  };
}

function readerOf({ gitea }: Stack): Reader {
  if (gitea) return PERSON;
  const { GITEA_TOKEN, GITEA_USERNAME = "hubforge", GITEA_PASSWORD = "" } = process.env;
  return { user: GITEA_USERNAME, password: GITEA_TOKEN ?? GITEA_PASSWORD };
}

function showWhatNext({ url, gitea }: Stack, { repository }: Login, { say, bold, dim }: Screen): void {
  if (repository) {
    say(`\n${bold("Clone it")}\n  git clone ${repository.cloneUrl}`);
    const password = gitea ? `the LDAP password ${PERSON.password}` : "the password on that Gitea";
    say(`  ${dim(`Git asks for a user name and a password: ${PERSON.user} and ${password}`)}`);
  }
  say(`\n${bold("The next event")}, from another terminal in this folder\n  npm run send -- --user bob`);
  say(`  ${dim(`posts to ${url}/v1/events; Ctrl-C here ends everything`)}\n`);
}

async function requireGit(): Promise<void> {
  await promisify(execFile)("git", ["--version"]).catch(() => {
    throw new Error(
      "git is missing on this machine. This installs it:\n  sudo apt-get install -y --no-install-recommends git",
    );
  });
}
