import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSettings } from "#shared/config.ts";
import { createDirectory, type Directory, type LookUp, type PersonQuery } from "#shared/directory.ts";
import type { Identity } from "#shared/envelope.ts";
import { type Slapd, type SlapdOptions, startSlapd } from "../../infra/local/slapd.ts";

/** `kill` stops it at once and leaves its folder; `restart` starts it again on the same folder and port. */
export type TestSlapd = Slapd & { kill: () => Promise<void>; restart: () => Promise<TestSlapd> };

/** A real slapd with the small university, in a folder of its own that goes when it stops. */
export async function startTestSlapd(options: Omit<SlapdOptions, "dir"> = {}): Promise<TestSlapd> {
  const dir = await mkdtemp(join(tmpdir(), "hubforge-slapd-"));
  return startIn({ ...options, dir });
}

async function startIn(options: SlapdOptions): Promise<TestSlapd> {
  const slapd = await startSlapd(options);
  return {
    ...slapd,
    kill: () => slapd.stop("SIGKILL"),
    restart: () => startIn({ ...options, port: Number(new URL(slapd.url).port) }),
    stop: async (signal) => {
      await slapd.stop(signal);
      await rm(options.dir, { recursive: true, force: true });
    },
  };
}

type Environment = Record<string, string | undefined>;

/** Our directory code, set up by environment variables as a user would. */
export async function directoryFor(
  environment: Environment,
  options?: Parameters<typeof createDirectory>[1],
): Promise<Directory> {
  return createDirectory(await loadSettings(["directory"], environment), options);
}

/** Looks one person up on `slapd`; `changes` are LDAP_* variables on top of its own. */
export async function lookUp(
  slapd: Pick<Slapd, "environment">,
  person: string | PersonQuery,
  changes: Environment = {},
): Promise<LookUp> {
  const directory = await directoryFor({ ...slapd.environment, ...changes });
  const query = typeof person === "string" ? { by: "name" as const, value: person } : person;
  return await directory.lookUp(query, AbortSignal.timeout(8_000));
}

/** The identity of somebody who must be there. */
export async function identityOf(
  slapd: Pick<Slapd, "environment">,
  person: string | PersonQuery,
  changes: Environment = {},
): Promise<Identity> {
  const found = await lookUp(slapd, person, changes);
  if (found.state === "gone") throw new Error(`${JSON.stringify(person)} is gone: ${found.reason}`);
  return found.identity;
}

/** A change record that adds somebody below ou=people; `lines` add to or replace nothing, they only come after. */
export const newPerson = (uid: string, ...lines: string[]) =>
  [
    `dn: uid=${uid},ou=people,dc=uni,dc=example`,
    "changetype: add",
    "objectClass: inetOrgPerson",
    `uid: ${uid}`,
    `sn: ${uid}`,
    ...(lines.some((line) => line.startsWith("cn:")) ? [] : [`cn: ${uid}`]),
    ...lines,
    "",
  ].join("\n");

/** A change record that adds a groupOfNames below ou=groups; members are RDNs below the suffix. */
export const newGroup = (cn: string, ...members: string[]) =>
  [
    `dn: cn=${cn},ou=groups,dc=uni,dc=example`,
    "changetype: add",
    "objectClass: groupOfNames",
    `cn: ${cn}`,
    ...members.map((member) => `member: ${member},dc=uni,dc=example`),
    "",
  ].join("\n");
