import type { Entry } from "ldapts";

/** One entry as the server answered, read without caring how many values came or how the server spells a name. */
export class DirectoryEntry {
  readonly dn: string;
  readonly #values = new Map<string, readonly (string | Buffer)[]>();

  constructor(entry: Entry) {
    this.dn = entry.dn;
    for (const [attribute, value] of Object.entries(entry)) {
      const values = Array.isArray(value) ? value : [value];
      // ldapts shows what was asked for and did not come as an empty list.
      if (attribute !== "dn" && values.length > 0) this.#values.set(attribute.toLowerCase(), values);
    }
  }

  /** All values, sorted, because a server's order is not stable. What is not UTF-8 shows as U+FFFD. */
  texts(attribute: string): string[] {
    return this.#all(attribute)
      .map((value) => value.toString())
      .sort();
  }

  /** The first value's bytes as they came. */
  bytes(attribute: string): Buffer | undefined {
    const first = this.#all(attribute)[0];
    return typeof first === "string" ? Buffer.from(first) : first;
  }

  /**
   * The part of a long list that the server sent under a key of its own, `member;range=0-1499` (AD); undefined where the
   * list came whole. ldapts shows every key that was asked for as well, empty (README.md §1, G).
   */
  range(attribute: string): { values: string[]; end: number; isLast: boolean } | undefined {
    const prefix = `${attribute.toLowerCase()};range=`;
    for (const [key, values] of this.#values) {
      if (!key.startsWith(prefix)) continue;
      const end = key.slice(key.lastIndexOf("-") + 1);
      return { values: values.map(String), end: Number(end), isLast: end === "*" };
    }
    return undefined;
  }

  #all(attribute: string): readonly (string | Buffer)[] {
    return this.#values.get(attribute.toLowerCase()) ?? [];
  }
}

/** Generalized time (RFC 4517 §3.3.13, UTC as directories write it) as ISO 8601; null where there is none. */
export function isoTime(text: string | undefined): string | null {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:[.,]\d+)?Z$/.exec(text ?? "");
  if (match === null) return null;
  const [, year, month, day, hour, minute, second] = match;
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}
