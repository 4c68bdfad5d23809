import { Filter, FilterParser } from "ldapts";
import type { Settings } from "../config.ts";

/** The configured search filters, ready for values: nothing a person typed or an entry holds is ever read as syntax. */
export type Filters = {
  /** The person who typed `name`. */
  person: (name: string) => string;
  /** Whom `person` could find under any name: the filter with a presence test in the name's place. */
  anyPerson: string;
  /** The groups that have one of `members` (DNs, or names for attributes like memberUid) as a direct member. */
  groupsWith: (members: readonly string[]) => string;
};

export function compileFilters(settings: Settings<"directory">): Filters {
  const person = inParentheses(settings.LDAP_USER_SEARCH_FILTER);
  const group = inParentheses(settings.LDAP_GROUP_SEARCH_FILTER);
  return {
    person: (name) => filled(person, name),
    anyPerson: withPresence(person),
    groupsWith: (members) => anyOf(members.map((member) => filled(group, member))),
  };
}

/** @throws Error saying why the server would refuse it as a filter. */
export function requireFilter(filter: string): void {
  FilterParser.parseString(filter);
}

export const equals = (attribute: string, value: string | Buffer) => `(${attribute}=${Filter.escape(value)})`;
export const allOf = (filters: readonly string[]) => `(&${filters.join("")})`;
export const anyOf = (filters: readonly string[]) =>
  filters.length === 1 ? filters.join("") : `(|${filters.join("")})`;

const inParentheses = (setting: string) => (setting.trim().startsWith("(") ? setting.trim() : `(${setting.trim()})`);

/** A replacer function, because `$&` in a value would mean something to `replaceAll`. */
const filled = (template: string, value: string) => template.replaceAll("{0}", () => Filter.escape(value));

/** `(uid={0})` becomes `(uid=*)`; a matching rule has no presence form, so it goes; `{0}@uni.example` becomes a substring test. */
const withPresence = (template: string) =>
  template.replace(/\(([\w-]+)(?::[\w.:-]*|[~<>])=\{0\}\)/g, "($1=*)").replaceAll("{0}", "*");
