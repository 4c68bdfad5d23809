import { type FilterOptions, parseFilter, requireWord } from "../options.ts";
import { UsageError } from "../usage-error.ts";
import type { Choice } from "./choose-letters.ts";

/** What an address asks for: the filter language of the command, a search and how to show it. */
export type Asked = {
  options: FilterOptions;
  search: string;
  isGrouped: boolean;
  /** The same as a query again. */
  query: string;
  /** Undefined where the filter means nothing; `trouble` says why. */
  choice?: Choice;
  trouble?: string;
};

const OPTIONS = ["user", "stage", "code", "class", "since", "until", "limit"] as const;
const KEYS: readonly string[] = [...OPTIONS, "id", "q", "group"];

export function readQuery(url: string, now = new Date()): Asked {
  const { searchParams } = new URL(url);
  const value = (name: string) => searchParams.get(name)?.trim() || undefined;
  const options: FilterOptions = Object.fromEntries(
    OPTIONS.flatMap((name) => {
      const word = value(name);
      return word === undefined ? [] : [[name, word]];
    }),
  );
  const ids = value("id")
    ?.split(/[\s,]+/)
    .filter((id) => id !== "");
  // Nothing but commas is not "every letter": parseFilter says that it is empty.
  if (ids) options.id = ids.length > 0 ? ids : [""];
  const search = value("q") ?? "";
  const isGrouped = value("group") !== "time";
  const query = new URLSearchParams(Array.from(searchParams).filter(([, word]) => word.trim() !== "")).toString();
  try {
    // A misspelt filter would be none, and a plan of "all that match" would be of all letters.
    for (const key of searchParams.keys()) requireWord("the address's", key, KEYS);
    return { options, search, isGrouped, query, choice: { filter: parseFilter(options, now), search } };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { options, search, isGrouped, query, trouble: error.message };
  }
}
