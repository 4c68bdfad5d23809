import { ResultCodeError } from "ldapts";
import { Retryable, Unauthorized } from "../errors.ts";

/** What was being done when it failed: shown to people, never holds a secret. */
export type Attempt = { operation: "connect" | "bind" | "search"; url: string; base?: string };

/** One server's own trouble: the next URL may do. Everything else is the same on all servers. */
export class ServerDown extends Error {
  override readonly name = "ServerDown";
  readonly isBusy: boolean;

  constructor(message: string, options: { cause: unknown; isBusy: boolean }) {
    super(message, { cause: options.cause });
    this.isBusy = options.isBusy;
  }
}

/** Result codes of one server's own trouble: operations error, busy, unavailable, unwilling, other (RFC 4511, appendix A). */
const SERVER_DOWN = new Set([1, 51, 52, 53, 80]);

const BUSY = new Set([51, 52]);

/** Faults of settings or rights, which must never read as "nobody there": result code → our code and what to do. */
const CONFIGURATION = new Map<number, [code: string, advice: string]>([
  [3, ["ldap.limit", "its time limit is too low for this search: raise it, or add an index"]],
  [4, ["ldap.limit", "its size limit is too low for this search: raise it for the bind account"]],
  [11, ["ldap.limit", "its administrative limit stops this search: raise it for the bind account, or add an index"]],
  [10, ["ldap.referral", "it refers to another server: name that one in LDAP_URLS, or narrow the search base"]],
  [32, ["ldap.base-missing", "there is no such entry: check the search bases"]],
  [34, ["ldap.bad-dn", "it takes that for no DN: check the bind DN and the search bases"]],
  [50, ["ldap.forbidden", "the bind account may not read there: give it the right"]],
]);

/** Turns what ldapts threw into what happens next (README.md §2). */
export function faultOf(cause: unknown, attempt: Attempt): ServerDown | Retryable {
  const place = attempt.base === undefined ? attempt.url : `${attempt.url}, base "${attempt.base}"`;
  const said = cause instanceof Error ? `${cause.name}: ${cause.message}`.replace(/\s+/g, " ") : String(cause);
  const code = cause instanceof ResultCodeError ? cause.code : undefined;
  const failed = `${attempt.operation} at ${place} failed: ${said}`;
  if (code === undefined || SERVER_DOWN.has(code)) {
    return new ServerDown(failed, { cause, isBusy: BUSY.has(code ?? 0) });
  }
  const request = { method: attempt.operation, path: place, status: code };
  if (code === 49) {
    const advice = "LDAP_BIND_DN or LDAP_BIND_PASSWORD is wrong";
    return new Unauthorized("ldap.unauthorized", `${failed}; ${advice}`, { cause, request });
  }
  const [ours, advice] = CONFIGURATION.get(code) ?? ["ldap.refused", `LDAP result code ${code}`];
  return new Retryable(ours, `${failed}; ${advice}`, { cause, request });
}
