import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Client } from "ldapts";
import { findOrInstallSlapd, type SlapdPrograms } from "./slapd-programs.ts";

const run = promisify(execFile);

const SUFFIX = "dc=uni,dc=example";
const READER = { bindDn: `cn=reader,ou=services,${SUFFIX}`, bindPassword: "reader-password" };
const ROOT = { dn: `cn=root,${SUFFIX}`, password: "root-password" };
const CANARY = `cn=canary,ou=services,${SUFFIX}`;
const READY_WITHIN_MILLISECONDS = 5_000;

export type SlapdOptions = {
  /** Everything lies here. A second start on the same folder finds the same entries with the same ids. */
  dir: string;
  /** Entries in LDIF, parents first; the suffix, `ou=services` and the reader must be among them. Default: the small university. */
  seedLdif?: string;
  /** A fixed port; by default a free one. */
  port?: number;
  /** PEM files; with them the server also speaks StartTLS and ldaps. */
  tls?: { ca: string; certificate: string; key: string };
  /** Attribute types and object classes in slapd.conf's form. */
  schema?: string;
  /** Lines for the database's part of slapd.conf, before its own access rules. */
  config?: string;
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
  const token = await prepareFolder(options, programs);
  const port = options.port ?? (await freePort());
  const tlsPort = options.tls === undefined ? undefined : await freePort();
  const url = `ldap://127.0.0.1:${port}`;
  const ldapsUrl = tlsPort === undefined ? undefined : `ldaps://localhost:${tlsPort}`;
  const listeners = [url, ...(tlsPort === undefined ? [] : [`ldaps://127.0.0.1:${tlsPort}`])].join(" ");
  const conf = join(options.dir, "slapd.conf");
  const child = spawn(await slapdOf(options.dir, programs), ["-d", "none", "-f", conf, "-h", listeners], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const killWithUs = () => child.kill("SIGKILL");
  process.once("exit", killWithUs);
  await untilReady(child, url, token);
  return {
    url,
    ldapsUrl,
    base: SUFFIX,
    ...READER,
    pid: child.pid ?? 0,
    environment: environmentFor(url),
    modify: (ldif) => modify(programs, url, ldif),
    stop: async (signal = "SIGTERM") => {
      process.off("exit", killWithUs);
      await stop(child, signal);
    },
  };
}

function environmentFor(url: string): Record<string, string> {
  return {
    LDAP_URLS: url,
    LDAP_BASE: SUFFIX,
    LDAP_BIND_DN: READER.bindDn,
    LDAP_BIND_PASSWORD: READER.bindPassword,
    LDAP_USER_SEARCH_BASE: `ou=people,${SUFFIX}`,
    LDAP_GROUP_SEARCH_BASE: `ou=groups,${SUFFIX}`,
  };
}

/** Returns the folder's canary: what this server, and no other on the same port, can tell. */
async function prepareFolder(options: SlapdOptions, programs: SlapdPrograms): Promise<string> {
  const { dir } = options;
  await mkdir(dir, { recursive: true });
  const template = await readFile(new URL("directory/slapd.conf", import.meta.url), "utf8");
  const tls = options.tls;
  const values: Record<string, string> = {
    dir,
    schema: programs.schemas,
    modules: programs.modules,
    rootPassword: ROOT.password,
    extra: options.config ?? "",
    tls: tls
      ? `TLSCACertificateFile ${tls.ca}\nTLSCertificateFile ${tls.certificate}\nTLSCertificateKeyFile ${tls.key}`
      : "",
  };
  await writeFile(
    join(dir, "slapd.conf"),
    template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole),
  );
  await writeFile(join(dir, "extra.schema"), options.schema ?? "");
  return seedOnce(options, programs);
}

async function seedOnce({ dir, seedLdif }: SlapdOptions, programs: SlapdPrograms): Promise<string> {
  const canaryFile = join(dir, "canary");
  if (existsSync(canaryFile)) return readFile(canaryFile, "utf8");
  // A start that died half way leaves a half-filled database.
  await rm(join(dir, "db"), { recursive: true, force: true });
  await mkdir(join(dir, "db"), { recursive: true });
  const token = randomUUID();
  const people = seedLdif ?? (await readFile(new URL("directory/seed.ldif", import.meta.url), "utf8"));
  const canary = `dn: ${CANARY}\nobjectClass: device\ncn: canary\ndescription: ${token}\n`;
  await writeFile(join(dir, "seed.ldif"), `${people.trim()}\n\n${canary}`);
  const slapd = await slapdOf(dir, programs);
  await run(slapd, ["-Tadd", "-q", "-f", join(dir, "slapd.conf"), "-l", join(dir, "seed.ldif")]);
  await writeFile(canaryFile, token);
  return token;
}

/** An AppArmor profile binds the path of the packaged program to the system's own folders; a copy is free of it. */
async function slapdOf(dir: string, programs: SlapdPrograms): Promise<string> {
  if (!existsSync("/etc/apparmor.d/usr.sbin.slapd")) return programs.slapd;
  const copy = join(dir, "slapd");
  if (!existsSync(copy)) await copyFile(programs.slapd, copy);
  return copy;
}

/** A port that is taken makes slapd end without a word, and whoever holds the port would answer in its place. */
async function untilReady(child: ChildProcess, url: string, token: string): Promise<void> {
  let words = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    words = (words + chunk.toString()).slice(-2_000);
  });
  const deadline = Date.now() + READY_WITHIN_MILLISECONDS;
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    if ((await readCanary(url)) === token) return;
    await sleep(10);
  }
  child.kill("SIGKILL");
  throw new Error(`slapd did not start on ${url}: ${words.trim() || `exit code ${child.exitCode}`}`);
}

async function readCanary(url: string): Promise<string | undefined> {
  const client = new Client({ url, timeout: 1_000, connectTimeout: 1_000 });
  try {
    await client.bind(READER.bindDn, READER.bindPassword);
    const { searchEntries } = await client.search(CANARY, { scope: "base", attributes: ["description"] });
    return String(searchEntries[0]?.["description"]);
  } catch {
    return undefined; // not listening yet
  } finally {
    await client.unbind().catch(() => undefined);
  }
}

async function modify(programs: SlapdPrograms, url: string, ldif: string): Promise<void> {
  const done = run(programs.ldapmodify, ["-x", "-H", url, "-D", ROOT.dn, "-w", ROOT.password, "-e", "relax"]);
  done.child.stdin?.end(`${ldif.trim()}\n`);
  await done;
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
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
