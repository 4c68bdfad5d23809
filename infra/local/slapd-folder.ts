import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { SlapdPrograms } from "./slapd-programs.ts";

const run = promisify(execFile);

/** The names and passwords that `directory/slapd.conf` and `directory/seed.ldif` agree on. */
export const SUFFIX = "dc=uni,dc=example";
export const READER = { bindDn: `cn=reader,ou=services,${SUFFIX}`, bindPassword: "reader-password" };
export const ROOT = { dn: `cn=root,${SUFFIX}`, password: "root-password" };
export const CANARY = `cn=canary,ou=services,${SUFFIX}`;

export type FolderOptions = {
  /** Everything lies here. A second start on the same folder finds the same entries with the same ids. */
  dir: string;
  /** Entries in LDIF, parents first; the suffix, `ou=services` and the reader must be among them. Default: the small university. */
  seedLdif?: string;
  /** PEM files; with them the server also speaks StartTLS and ldaps. */
  tls?: { authority: string; certificate: string; key: string };
  /** Attribute types and object classes in slapd.conf's form. */
  schema?: string;
  /** Lines for the database's part of slapd.conf, before its own access rules. */
  config?: string;
};

/** What is ready to run: the canary is what this server, and no other on the same port, can tell. */
export type Folder = { program: string; conf: string; canary: string };

/** Writes the configuration, and the entries if the folder is new. */
export async function prepareFolder(options: FolderOptions, programs: SlapdPrograms): Promise<Folder> {
  const { dir } = options;
  const conf = join(dir, "slapd.conf");
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "extra.schema"), options.schema ?? "");
  await writeFile(conf, await configuration(options, programs));
  const program = await runnable(dir, programs);
  const canary = await seedOnce(options, program, conf);
  return { program, conf, canary };
}

async function configuration({ dir, config, tls }: FolderOptions, programs: SlapdPrograms): Promise<string> {
  const template = await readFile(new URL("directory/slapd.conf", import.meta.url), "utf8");
  const tlsLines = (files: NonNullable<FolderOptions["tls"]>) =>
    `TLSCACertificateFile ${files.authority}\nTLSCertificateFile ${files.certificate}\nTLSCertificateKeyFile ${files.key}`;
  const values: Record<string, string> = {
    dir,
    schema: programs.schemas,
    modules: programs.modules,
    rootPassword: ROOT.password,
    extra: config ?? "",
    tls: tls ? tlsLines(tls) : "",
  };
  return template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

async function seedOnce({ dir, seedLdif }: FolderOptions, program: string, conf: string): Promise<string> {
  const canaryFile = join(dir, "canary");
  if (existsSync(canaryFile)) return readFile(canaryFile, "utf8");
  // A start that died half way leaves a half-filled database.
  await rm(join(dir, "db"), { recursive: true, force: true });
  await mkdir(join(dir, "db"), { recursive: true });
  const canary = randomUUID();
  const people = seedLdif ?? (await readFile(new URL("directory/seed.ldif", import.meta.url), "utf8"));
  const ldif = join(dir, "seed.ldif");
  await writeFile(ldif, `${people.trim()}\n\ndn: ${CANARY}\nobjectClass: device\ncn: canary\ndescription: ${canary}\n`);
  await run(program, ["-Tadd", "-q", "-f", conf, "-l", ldif]);
  await writeFile(canaryFile, canary);
  return canary;
}

/** An AppArmor profile binds the packaged program's path to the system's own folders; a copy is free of it. */
async function runnable(dir: string, programs: SlapdPrograms): Promise<string> {
  if (!existsSync("/etc/apparmor.d/usr.sbin.slapd")) return programs.slapd;
  const copy = join(dir, "slapd");
  if (!existsSync(copy)) await copyFile(programs.slapd, copy);
  return copy;
}
