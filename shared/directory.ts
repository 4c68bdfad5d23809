import { type Environment, loadSettings, type Settings } from "./config.ts";
import { checkSettings } from "./directory/check-settings.ts";
import { type Connection, createConnect, FULL_READ_LIMITS, LIMITS, type Limits } from "./directory/connection.ts";
import { BINARY_ATTRIBUTES, idFilter } from "./directory/directory-id.ts";
import { disabledBy } from "./directory/disabled.ts";
import { MalformedDn } from "./directory/dn.ts";
import type { DirectoryEntry } from "./directory/entry.ts";
import { allOf, compileFilters, type Filters } from "./directory/filters.ts";
import { groupsOf, isAllowed } from "./directory/groups.ts";
import { personAttributes, toPerson } from "./directory/person.ts";
import { type Everybody, type ReadAllWish, readAll } from "./directory/read-all.ts";
import { personBase } from "./directory/search-bases.ts";
import type { Identity } from "./envelope.ts";
import { Permanent, Retryable } from "./errors.ts";

export type DirectorySettings = Settings<"directory">;

/** `gone` is only said after a complete read that could have found the person. */
export type LookUp =
  | { state: "present"; identity: Identity }
  | {
      state: "gone";
      code: "person.unknown" | "person.disabled" | "person.not-allowed";
      reason: string;
      username?: string;
    };

/** By a name typed at the hub, in any case, or by the directory id. */
export type PersonQuery = { by: "name" | "id"; value: string };

export type Directory = {
  /**
   * Who this is now, and whether they may come in. One connection, thrown away afterwards; at most 7 s, less when `signal`
   * says so. Rests on directory/README.md.
   * @throws Permanent `person.ambiguous`, `directory.no-id`, `directory.no-name`
   * @throws Unauthorized `ldap.unauthorized` for a refused bind, tried on one server only
   * @throws Retryable `ldap.*`, `directory.*` for everything else that is not the person's fault
   */
  lookUp(query: PersonQuery, signal: AbortSignal): Promise<LookUp>;

  /**
   * Everybody and all groups at once, judged as `lookUp` would judge them; on one connection, at most 4 minutes.
   * @throws Unauthorized, Retryable as `lookUp` does
   */
  readAll(wish: ReadAllWish, signal: AbortSignal): Promise<Everybody>;
};

export type { Everybody } from "./directory/read-all.ts";
export type { BrokenEntry, Person } from "./directory/read-people.ts";

/** What a stage connects with: settings are read once a cold start, connections are made for each look-up. */
export async function connectDirectory(environment: Environment): Promise<() => { directory: Directory }> {
  const directory = createDirectory(await loadSettings(["directory"], environment));
  return () => ({ directory });
}

type DirectoryOptions = { now?: () => number; limits?: Limits; fullReadLimits?: Limits };

/** The only door to LDAP. @throws SettingsError for filters, DNs and authorities that cannot work. */
export function createDirectory(
  settings: DirectorySettings,
  { now = Date.now, limits = LIMITS, fullReadLimits = FULL_READ_LIMITS }: DirectoryOptions = {},
): Directory {
  checkSettings(settings);
  const filters = compileFilters(settings);
  const connect = createConnect(settings, { now, limits });
  const connectLonger = createConnect(settings, { now, limits: fullReadLimits });
  return {
    readAll: (wish, signal) =>
      connectLonger(signal, (connection) => readAll({ connection, settings, filters, now: now() }, wish)),

    lookUp: (query, signal) =>
      connect(signal, async (connection) => {
        try {
          return await lookUp(query, { connection, settings, filters, now: now() });
        } catch (cause) {
          if (!(cause instanceof MalformedDn)) throw cause;
          throw new Retryable(
            "directory.bad-dn",
            `the directory answered with a DN that cannot be compared: ${cause.message}`,
            { cause },
          );
        }
      }),
  };
}

type Reading = { connection: Connection; settings: DirectorySettings; filters: Filters; now: number };

async function lookUp(query: PersonQuery, reading: Reading): Promise<LookUp> {
  const { connection, settings, filters, now } = reading;
  const entry = await findPerson(query, reading);
  if (entry === undefined) {
    return {
      state: "gone",
      code: "person.unknown",
      reason: `the directory has nobody with the ${query.by} "${query.value}"`,
    };
  }
  const person = toPerson(entry, settings);
  const { dn, logins, username } = person;
  const why = disabledBy(entry, now);
  if (why !== undefined) {
    return { state: "gone", code: "person.disabled", reason: `the account of "${dn}" is disabled: ${why}`, username };
  }
  const groups = await groupsOf({ dn, logins }, connection, settings, filters);
  if (await isAllowed(groups, reading)) return { state: "present", identity: { ...person, groups } };
  const reason = `"${dn}" is in none of the groups of LDAP_ALLOWED_GROUPS`;
  return { state: "gone", code: "person.not-allowed", reason, username };
}

async function findPerson({ by, value }: PersonQuery, reading: Reading): Promise<DirectoryEntry | undefined> {
  const { connection, settings, filters } = reading;
  const byId = () => allOf([filters.anyPerson(), idFilter(value, settings.LDAP_ID_ATTRIBUTE)]);
  const base = personBase(settings);
  // Two are enough to see that a name means more than one person.
  const entries = await connection.search(base, {
    filter: by === "name" ? filters.person(value) : byId(),
    attributes: personAttributes(settings),
    explicitBufferAttributes: BINARY_ATTRIBUTES,
    sizeLimit: 2,
  });
  if (entries.length > 1) {
    const dns = entries.map((entry) => `"${entry.dn}"`).join(" and ");
    throw new Permanent("person.ambiguous", `the ${by} "${value}" means more than one person: ${dns}`);
  }
  if (entries.length === 0) await requireAnybody(base, connection, filters);
  return entries[0];
}

/**
 * "Nobody of that name" from an account that can see nobody at all is no answer: lost rights read like an empty directory.
 * @throws Retryable `directory.empty`
 */
async function requireAnybody(base: string, connection: Connection, filters: Filters): Promise<void> {
  const anybody = await connection.search(base, { filter: filters.anyPerson(), attributes: ["1.1"], sizeLimit: 1 });
  if (anybody.length > 0) return;
  throw new Retryable(
    "directory.empty",
    `not one person can be read below "${base}": check the rights of LDAP_BIND_DN, LDAP_USER_SEARCH_BASE and LDAP_USER_SEARCH_FILTER`,
  );
}
