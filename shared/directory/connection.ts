import { Client, type Filter, type SearchOptions } from "ldapts";
import type { Settings } from "../config.ts";
import { Retryable, Unauthorized } from "../errors.ts";
import { DirectoryEntry } from "./entry.ts";
import { type Attempt, faultOf, ServerDown } from "./faults.ts";
import { pagedSearch } from "./paged-search.ts";
import { rememberRefusal, throwIfJustRefused } from "./refused-passwords.ts";
import { type Server, serversOf } from "./tls.ts";

/** How long things may take, each server's connect and each operation, and a whole look-up with all its servers. */
export type Limits = { connectMilliseconds: number; operationMilliseconds: number; wholeMilliseconds: number };

/** §1 of README.md: of a function's 10 s the directory may take 7. */
export const LIMITS: Limits = { connectMilliseconds: 2_000, operationMilliseconds: 3_000, wholeMilliseconds: 7_000 };

/** A page comes in a few ms; a slow directory gets a thousand times that before it counts as down. */
export const FULL_READ_LIMITS: Limits = { ...LIMITS, operationMilliseconds: 20_000, wholeMilliseconds: 240_000 };

/** These hold AD's own housekeeping and never a person; every search from a domain's root refers to them. */
const NOBODY_LIVES_THERE = /\/(DC=(Domain|Forest)DnsZones|CN=Configuration|CN=Schema),/i;

/** A bound connection. What it returns is complete, or it throws. */
export type Connection = {
  search(base: string, options: SearchOptions & { filter: Filter }): Promise<DirectoryEntry[]>;
  /** Every entry below `base`, however many, a page at a time. Only one such search at once (README.md §1, J). */
  pages(base: string, options: SearchOptions & { filter: Filter }): AsyncGenerator<DirectoryEntry[]>;
};

export type Connect = <Result>(
  signal: AbortSignal,
  work: (connection: Connection) => Promise<Result>,
) => Promise<Result>;

/**
 * Runs `work` on a fresh connection to the first server that answers, and throws that connection away: after a drop, ldapts
 * would come back anonymous, or never answer again (README.md §1, A – D). `work` may run once for each server.
 * @throws Retryable `ldap.unreachable`, `ldap.busy` after the last server; Unauthorized after the first refused password.
 */
export function createConnect(
  settings: Settings<"directory">,
  { now, limits }: { now: () => number; limits: Limits },
): Connect {
  const servers = serversOf(settings);
  return async (signal, work) => {
    throwIfJustRefused(settings, now());
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(limits.wholeMilliseconds)]);
    const down: ServerDown[] = [];
    for (const server of servers) {
      try {
        return await onServer({ ...server, settings, limits, deadline }, work);
      } catch (error) {
        if (error instanceof Unauthorized) rememberRefusal(settings, now());
        if (!(error instanceof ServerDown)) throw error;
        down.push(error);
      }
    }
    throw allDown(down);
  };
}

function allDown(down: ServerDown[]): Retryable {
  const code = down.every((server) => server.isBusy) ? "ldap.busy" : "ldap.unreachable";
  const reasons = down.map((server) => server.message).join("; ");
  return new Retryable(code, `no directory server answered: ${reasons}`, { cause: down.at(-1) });
}

type Visit = Server & { settings: Settings<"directory">; limits: Limits; deadline: AbortSignal };

async function onServer<Result>(visit: Visit, work: (connection: Connection) => Promise<Result>): Promise<Result> {
  const { url, ldaps, limits, deadline } = visit;
  const client = new Client({
    url,
    timeout: limits.operationMilliseconds,
    connectTimeout: limits.connectMilliseconds,
    ...(ldaps ? { tlsOptions: ldaps } : {}),
  });
  try {
    await bind(client, visit);
    return await work({
      search: async (base, options) => {
        const attempt: Attempt = { operation: "search", url, base };
        const result = await answered(client, { attempt, deadline }, () => client.search(base, options));
        refuseReferences(result.searchReferences, attempt);
        return result.searchEntries.map((entry) => new DirectoryEntry(entry));
      },
      pages: async function* (base, options) {
        const attempt: Attempt = { operation: "search", url, base };
        const nextPage = pagedSearch(client, base, options);
        for (let hasMore = true; hasMore; ) {
          const page = await answered(client, { attempt, deadline }, nextPage);
          yield page.entries.map((entry) => new DirectoryEntry(entry));
          refuseReferences(page.references, attempt);
          hasMore = page.hasMore;
        }
      },
    });
  } finally {
    await client.unbind().catch(() => undefined); // it closes the socket either way
  }
}

async function bind(client: Client, { url, startTls, settings, limits, deadline }: Visit): Promise<void> {
  if (startTls !== undefined) {
    // ldapts' own connect time-out does not cover the handshake after StartTLS.
    const inTime = AbortSignal.any([deadline, AbortSignal.timeout(limits.connectMilliseconds)]);
    await attempted({ operation: "connect", url }, inTime, () => client.startTLS({ ...startTls }));
  }
  await attempted({ operation: "bind", url }, deadline, () =>
    client.bind(settings.LDAP_BIND_DN, settings.LDAP_BIND_PASSWORD),
  );
}

/** An answer counts only if the connection is still the one that was bound. */
async function answered<Result>(
  client: Client,
  { attempt, deadline }: { attempt: Attempt; deadline: AbortSignal },
  act: () => Promise<Result>,
): Promise<Result> {
  const result = await attempted(attempt, deadline, act);
  if (!client.isBound) throw faultOf(new Error("the connection was lost and came back anonymous"), attempt);
  return result;
}

/** Ends at the deadline even where ldapts never settles. */
async function attempted<Result>(attempt: Attempt, deadline: AbortSignal, act: () => Promise<Result>): Promise<Result> {
  const { promise: timeUp, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(new Error("the time was up", { cause: deadline.reason }));
  deadline.addEventListener("abort", onAbort, { once: true });
  try {
    if (deadline.aborted) throw new Error("the time was up", { cause: deadline.reason });
    return await Promise.race([act(), timeUp]);
  } catch (error) {
    throw faultOf(error, attempt);
  } finally {
    deadline.removeEventListener("abort", onAbort);
  }
}

/** Continuation references are never followed, so what they hold is unread: the answer is incomplete. */
function refuseReferences(references: readonly string[], attempt: Attempt): void {
  const unread = references.filter((uri) => !NOBODY_LIVES_THERE.test(uri));
  if (unread.length === 0) return;
  throw new Retryable(
    "ldap.referral",
    `the answer of ${attempt.url} for base "${attempt.base}" is incomplete: the rest is at ${unread.join(", ")}; ` +
      "name that server in LDAP_URLS, or narrow the search base",
  );
}
