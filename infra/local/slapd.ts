import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Client } from "ldapts";
import { CANARY, type Folder, type FolderOptions, prepareFolder, READER, ROOT, SUFFIX } from "./slapd-folder.ts";
import { findOrInstallSlapd, type SlapdPrograms } from "./slapd-programs.ts";

const run = promisify(execFile);

/** It answers within 0.1 s on a quiet machine. */
const READY_WITHIN_MILLISECONDS = 15_000;

export type SlapdOptions = FolderOptions & {
  /** A fixed port; by default a free one. */
  port?: number;
  /** Told what a first start has to install; standard error by default. */
  say?: (line: string) => void;
};

export type Slapd = {
  url: string;
  /** Undefined without `tls`. */
  ldapsUrl: string | undefined;
  base: string;
  bindDn: string;
  bindPassword: string;
  pid: number;
  /** The LDAP_* variables that point hubforge at this server. */
  environment: Record<string, string>;
  /** Applies change records (LDIF) with the root account, which nothing else uses: it bypasses access rules and limits. */
  modify: (ldif: string) => Promise<void>;
  stop: (signal?: NodeJS.Signals) => Promise<void>;
};

/**
 * Starts a real OpenLDAP server on loopback from a folder, without root and without a service; seeds it if the folder is new.
 * @throws Error with slapd's own words, or with the command that installs it.
 */
export async function startSlapd(options: SlapdOptions): Promise<Slapd> {
  const programs = await findOrInstallSlapd(options.say ?? ((line) => process.stderr.write(`${line}\n`)));
  const folder = await prepareFolder(options, programs);
  try {
    return await listen(options, folder, programs);
  } catch (error) {
    if (options.port !== undefined) throw error;
    return await listen(options, folder, programs); // somebody took the free port first
  }
}

async function listen(options: SlapdOptions, folder: Folder, programs: SlapdPrograms): Promise<Slapd> {
  const url = `ldap://127.0.0.1:${options.port ?? (await freePort())}`;
  const ldapsUrl = options.tls ? `ldaps://127.0.0.1:${await freePort()}` : undefined;
  const listeners = [url, ...(ldapsUrl ? [ldapsUrl] : [])].join(" ");
  const child = spawn(folder.program, ["-d", "none", "-f", folder.conf, "-h", listeners], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const killWithUs = () => child.kill("SIGKILL");
  process.once("exit", killWithUs);
  child.once("exit", () => process.off("exit", killWithUs));
  await untilReady(child, url, folder.canary);
  return {
    url,
    ldapsUrl,
    base: SUFFIX,
    ...READER,
    pid: child.pid ?? 0,
    environment: {
      LDAP_URLS: url,
      LDAP_BASE: SUFFIX,
      LDAP_BIND_DN: READER.bindDn,
      LDAP_BIND_PASSWORD: READER.bindPassword,
      LDAP_USER_SEARCH_BASE: `ou=people,${SUFFIX}`,
      LDAP_GROUP_SEARCH_BASE: `ou=groups,${SUFFIX}`,
    },
    modify: (ldif) => modify(programs, url, ldif),
    stop: (signal = "SIGTERM") => stop(child, signal),
  };
}

/** A port that is taken makes slapd end, and whoever holds the port would answer in its place: hence the canary. */
async function untilReady(child: ChildProcess, url: string, canary: string): Promise<void> {
  let words = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    words = (words + chunk.toString()).slice(-2_000);
  });
  const deadline = Date.now() + READY_WITHIN_MILLISECONDS;
  while (Date.now() < deadline && isRunning(child)) {
    if ((await readCanary(url)) === canary) return;
    await sleep(10);
  }
  await stop(child, "SIGKILL");
  throw new Error(`slapd did not start on ${url}: ${words.trim() || `exit code ${child.exitCode}`}`);
}

async function readCanary(url: string): Promise<string | undefined> {
  const client = new Client({ url, timeout: 1_000, connectTimeout: 1_000 });
  try {
    await client.bind(READER.bindDn, READER.bindPassword);
    const { searchEntries } = await client.search(CANARY, { scope: "base", attributes: ["description"] });
    return String(searchEntries[0]?.["description"]);
  } catch {
    return undefined; // not listening yet, or somebody else's
  } finally {
    await client.unbind().catch(() => undefined);
  }
}

/** `relax` lets a change set what is usually the server's own, like a lock or an entryUUID. */
async function modify(programs: SlapdPrograms, url: string, ldif: string): Promise<void> {
  const done = run(programs.ldapmodify, ["-x", "-H", url, "-D", ROOT.dn, "-w", ROOT.password, "-e", "relax"]);
  done.child.stdin?.end(`${ldif.trim()}\n`);
  await done;
}

const isRunning = (child: ChildProcess) => child.exitCode === null && child.signalCode === null;

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (!isRunning(child)) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await gone;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
