import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "ldapts";
import * as z from "zod";
import { startGitea } from "../../infra/local/gitea/server.ts";
import { startSlapd } from "../../infra/local/slapd.ts";
import { ROOT, SUFFIX } from "../../infra/local/slapd-folder.ts";

export interface Answer {
  status: number;
  headers: Headers;
  /** Parsed where it is JSON, else the text; null when there is none. */
  body: unknown;
}

interface Request {
  /** The Authorization header; the service's token if not given, null for an anonymous request. */
  as?: string | null;
  sudo?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

interface LdapPerson {
  uid: string;
  cn: string;
  sn: string;
  mail?: string;
  password: string;
}

/** The Gitea that the contract is held against: a real one if the environment names it, else the stand-in. */
export interface GiteaUnderTest {
  url: string;
  service: string;
  token: string;
  sourceId: number;
  /** `[1, 25]`; a development build counts as newer than every release. */
  version: readonly [number, number];
  hasLdap: boolean;
  send(method: string, path: string, request?: Request): Promise<Answer>;
  addLdapPerson(person: LdapPerson): Promise<void>;
  stop(): Promise<void>;
}

const environment = z.object({
  GITEA_URL: z.url().optional(),
  GITEA_TOKEN: z.string().default(""),
  GITEA_AUTH_SOURCE_ID: z.coerce.number().default(1),
  /** The directory behind that source, seeded with `infra/local/directory/seed.ldif`, so that people can be added. */
  GITEA_LDAP_URL: z.string().optional(),
});

/** Whether the LDAP part can run: always on the stand-in, on a real Gitea only with an LDAP source that we may write to. */
export const canUseLdap = process.env["GITEA_URL"] === undefined || process.env["GITEA_LDAP_URL"] !== undefined;

export async function openGitea(options: { ldap?: boolean } = {}): Promise<GiteaUnderTest> {
  const settings = environment.parse(process.env);
  if (settings.GITEA_URL === undefined) return startOurs(options.ldap ?? false);
  const { GITEA_URL: url, GITEA_TOKEN: token, GITEA_AUTH_SOURCE_ID: sourceId, GITEA_LDAP_URL: ldapUrl } = settings;
  return underTest({ url, token, sourceId, ldapUrl, stop: async () => undefined });
}

async function startOurs(withLdap: boolean): Promise<GiteaUnderTest> {
  const dir = await mkdtemp(join(tmpdir(), "hubforge-gitea-"));
  const slapd = withLdap ? await startSlapd({ dir: join(dir, "slapd") }) : undefined;
  const people = { userBase: `ou=people,${SUFFIX}`, userFilter: "(uid=%s)" };
  const gitea = await startGitea({
    dir: join(dir, "gitea"),
    ...(slapd ? { ldap: { url: slapd.url, bindDn: slapd.bindDn, bindPassword: slapd.bindPassword, ...people } } : {}),
  });
  const stop = async () => {
    await gitea.stop();
    await slapd?.stop();
    await rm(dir, { recursive: true, force: true });
  };
  return underTest({ url: gitea.url, token: gitea.token, sourceId: gitea.sourceId, ldapUrl: slapd?.url, stop });
}

/** Wraps whatever answers there for the tests; `stop` is the caller's. */
export async function underTest(at: {
  url: string;
  token: string;
  sourceId: number;
  ldapUrl: string | undefined;
  stop: () => Promise<void>;
}): Promise<GiteaUnderTest> {
  const send = (method: string, path: string, request: Request = {}) => sendTo(at.url, at.token, method, path, request);
  const self = z.object({ login: z.string() }).parse((await send("GET", "/api/v1/user")).body);
  const { version } = z.object({ version: z.string() }).parse((await send("GET", "/api/v1/version")).body);
  const [, major = "99", minor = "0"] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return {
    url: at.url,
    service: self.login,
    token: at.token,
    sourceId: at.sourceId,
    version: [Number(major), Number(minor)],
    hasLdap: at.ldapUrl !== undefined,
    send,
    addLdapPerson: (person) => addLdapPerson(at.ldapUrl ?? "", person),
    stop: at.stop,
  };
}

async function sendTo(root: string, token: string, method: string, path: string, request: Request): Promise<Answer> {
  const authorization = request.as === undefined ? `token ${token}` : request.as;
  const { body } = request;
  const response = await fetch(root + path, {
    method,
    redirect: "manual",
    headers: {
      ...(authorization === null ? {} : { authorization }),
      ...(request.sudo === undefined ? {} : { sudo: request.sudo }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...request.headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? Buffer.from(body) : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? null : isJson ? JSON.parse(text) : text,
  };
}

async function addLdapPerson(url: string, person: LdapPerson): Promise<void> {
  const client = new Client({ url });
  try {
    await client.bind(ROOT.dn, ROOT.password);
    await client.add(`uid=${person.uid},ou=people,${SUFFIX}`, {
      objectClass: "inetOrgPerson",
      uid: person.uid,
      cn: person.cn,
      sn: person.sn,
      ...(person.mail === undefined ? {} : { mail: person.mail }),
      userPassword: person.password,
    });
  } finally {
    await client.unbind();
  }
}
