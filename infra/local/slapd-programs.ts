import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { isRunning } from "../is-running.ts";

const run = promisify(execFile);

/** Where one OpenLDAP server and what belongs to it lie on this machine. */
export type SlapdPrograms = { slapd: string; ldapmodify: string; schemas: string; modules: string };

const COMMAND = "sudo apt-get install -y --no-install-recommends slapd ldap-utils";
const PROGRAM_FOLDERS = ["/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/local/libexec", "/usr/lib/openldap"];
const SCHEMA_FOLDERS = ["/etc/ldap/schema", "/etc/openldap/schema", "/usr/local/etc/openldap/schema"];
const MODULE_FOLDERS = ["/usr/lib/ldap", "/usr/lib64/openldap", "/usr/lib/openldap", "/usr/local/libexec/openldap"];
const POLICY = "/usr/sbin/policy-rc.d";
const LOCK = join(tmpdir(), "hubforge-slapd-install.lock");

/**
 * Finds slapd and its companions; where they are missing and we are root on a Debian, installs them, once even if many
 * processes ask at the same time. What it does is told to `say`.
 * @throws Error that holds the one command which installs them.
 */
export async function findOrInstallSlapd(say: (line: string) => void): Promise<SlapdPrograms> {
  const found = findSlapd();
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw new Error(`slapd, OpenLDAP's server, is missing on this machine. This installs it:\n  ${COMMAND}`);
  }
  await installAlone(say);
  const installed = findSlapd();
  if (installed === undefined) throw new Error(`slapd is still missing after its installation. Try:\n  ${COMMAND}`);
  return installed;
}

function findSlapd(): SlapdPrograms | undefined {
  const slapd = firstWith([...searchPath(), ...PROGRAM_FOLDERS], "slapd");
  const ldapmodify = firstWith([...searchPath(), ...PROGRAM_FOLDERS], "ldapmodify");
  const schemas = SCHEMA_FOLDERS.find((folder) => existsSync(join(folder, "inetorgperson.schema")));
  const modules = MODULE_FOLDERS.find((folder) => existsSync(join(folder, "back_mdb.la")));
  return slapd && ldapmodify && schemas && modules ? { slapd, ldapmodify, schemas, modules } : undefined;
}

const searchPath = () => (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");

const firstWith = (folders: string[], program: string) =>
  folders.map((folder) => join(folder, program)).find((path) => existsSync(path));

/** The lock file holds the owner's process id: a lock whose owner is gone is taken over. */
async function installAlone(say: (line: string) => void): Promise<void> {
  for (;;) {
    try {
      await writeFile(LOCK, String(process.pid), { flag: "wx" });
      break;
    } catch {
      const owner = Number(await readFile(LOCK, "utf8").catch(() => ""));
      if (owner > 0 && !isRunning(owner)) await rm(LOCK, { force: true });
      else await sleep(300);
    }
  }
  try {
    if (findSlapd() === undefined) await install(say);
  } finally {
    await rm(LOCK, { force: true });
  }
}

/** Forbids service starts while we live; if we are killed it lets them through and takes itself away. */
const OUR_POLICY = `#!/bin/sh\nkill -0 ${process.pid} 2>/dev/null && exit 101\nrm -f "$0"\nexit 0\n`;

/** Debian starts a fresh slapd on 0.0.0.0:389 unless a policy-rc.d forbids it. */
async function install(say: (line: string) => void): Promise<void> {
  const needsPolicy = !existsSync(POLICY);
  if (needsPolicy) await writeFile(POLICY, OUR_POLICY, { mode: 0o755 });
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  try {
    say("slapd is missing: apt-get update");
    await run("apt-get", ["update", "-qq"], { env });
    say("slapd is missing: apt-get install slapd ldap-utils");
    const options = ["-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];
    await run("apt-get", ["install", ...options, "slapd", "ldap-utils"], { env });
    say("slapd is installed; no system service was started");
  } catch (cause) {
    throw new Error(`installing slapd failed. Try it by hand:\n  ${COMMAND}`, { cause });
  } finally {
    if (needsPolicy) await rm(POLICY, { force: true });
  }
}
