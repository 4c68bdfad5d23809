/** Whatever YAML holds. */
export type Value = unknown;

/** Every value by its path; lists of plain values stay whole, lists of objects are counted (`gitea.gitea.ldap.0.host`). */
export function leavesOf(value: Value, path = ""): Map<string, Value> {
  if (typeof value !== "object" || value === null || isPlainList(value) || Object.keys(value).length === 0)
    return new Map([[path, value]]);
  const entries = Object.entries(value).flatMap(([key, inner]) => [
    ...leavesOf(inner, path === "" ? key : `${path}.${key}`),
  ]);
  return new Map(entries);
}

function isPlainList(value: object): boolean {
  return Array.isArray(value) && value.every((item) => typeof item !== "object" || item === null);
}

/** The rest of `key` below `section`; undefined where it lies elsewhere. */
export function placeIn(section: string, key: string): string | undefined {
  return key.startsWith(`${section}.`) ? key.slice(section.length + 1) : undefined;
}
