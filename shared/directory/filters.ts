import { AndFilter, EqualityFilter, Filter, FilterParser, OrFilter } from "ldapts";
import type { Settings } from "../config.ts";

/**
 * The configured search filters, ready for values: nothing a person typed or an entry holds is ever read as syntax. Each
 * throws an Error that says why, where its setting is not a filter.
 */
export type Filters = {
  /** The person who typed `name`. */
  person: (name: string) => Filter;
  /** Whom `person` could find under any name: the filter with a presence test in the name's place. */
  anyPerson: () => Filter;
  /** The groups that have one of `members` (DNs, or names for attributes like memberUid) as a direct member. */
  groupsWith: (members: readonly string[]) => Filter;
  /** The groups that `groupsWith` could find for anybody. */
  anyGroup: () => Filter;
};

export function compileFilters(settings: Settings<"directory">): Filters {
  const person = template(settings.LDAP_USER_SEARCH_FILTER);
  const group = template(settings.LDAP_GROUP_SEARCH_FILTER);
  return {
    person: (name) => parse(filled(person, name)),
    anyPerson: () => parse(withPresence(person)),
    groupsWith: (members) => anyOf(members.map((member) => parse(filled(group, member)))),
    anyGroup: () => parse(withPresence(group)),
  };
}

export const equals = (attribute: string, value: string | Buffer): Filter => new EqualityFilter({ attribute, value });
export const allOf = (filters: Filter[]): Filter => new AndFilter({ filters });
export const anyOf = (filters: Filter[]): Filter => new OrFilter({ filters });

/** ldapts takes `\c5\bb` for two Latin-1 letters, so what is UTF-8 is written as the letter it means. */
function template(setting: string): string {
  const trimmed = setting.trim();
  const letters = trimmed.replace(ESCAPED_LETTERS, (bytes) => {
    const text = Buffer.from(bytes.replaceAll("\\", ""), "hex").toString();
    return text.includes("\uFFFD") ? bytes : text;
  });
  return letters.startsWith("(") ? letters : `(${letters})`;
}

/**
 * Whether the full read can judge membership by the member attribute alone: one `{0}`, and nothing beside it that would let
 * a group in without that member. Else a spawn would find groups that the sync cannot see, and they would come and go.
 */
export function isDecidedByMember(setting: string): boolean {
  if (setting.split("{0}").length !== 2) return false;
  const holds = (filter: Filter): boolean =>
    filter instanceof AndFilter
      ? filter.filters.some(holds)
      : filter instanceof EqualityFilter && filter.value === PROBE;
  return holds(parse(filled(template(setting), PROBE)));
}

const PROBE = "hubforge-probe";

const ESCAPED_LETTERS = /(?:\\[89a-f][0-9a-f])+/gi;

function parse(filter: string): Filter {
  if (filter.search(ESCAPED_LETTERS) >= 0) throw new Error(`${filter} holds escaped bytes that are not UTF-8`);
  return FilterParser.parseString(filter);
}

/** A replacer function, because `$&` in a value would mean something to `replaceAll`. */
const filled = (filter: string, value: string) => filter.replaceAll("{0}", () => Filter.escape(value));

/** `(uid={0})` becomes `(uid=*)`; a matching rule has no presence form, so it goes; `{0}@uni.example` becomes a substring test. */
const withPresence = (filter: string) =>
  filter.replace(/\(([\w-]+)(?::[\w.:-]*|[~<>])=\{0\}\)/g, "($1=*)").replaceAll("{0}", "*");
