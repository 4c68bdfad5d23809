import { parseDocument } from "yaml";

/** What is no YAML that can be used; the message holds nothing of its text, which may be a secret. */
export class NoYaml extends Error {}

/** More than any file of settings has: aliases of aliases make more in no time. */
const MOST_VALUES = 100_000;

/** What one YAML document holds, with merge keys (`<<`) as Helm reads them. @throws NoYaml */
export function readYaml(text: string): unknown {
  const document = parseDocument(text, { merge: true });
  const [error] = document.errors;
  if (error?.code === "MULTIPLE_DOCS") throw new NoYaml("it holds several documents (---): give it one");
  if (error) {
    const [at] = error.linePos ?? [];
    throw new NoYaml(`it is not YAML${at ? ` at line ${at.line}, column ${at.col}` : ""}: ${error.code}`);
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch {
    throw new NoYaml("it is not YAML: an alias (*name) has no anchor before it, or there are too many of them");
  }
  if (!isSmall(value)) throw new NoYaml(`it holds more than ${MOST_VALUES} values, or refers to itself`);
  return value;
}

/** What refers to itself never ends. */
function isSmall(value: unknown): boolean {
  const open: unknown[] = [value];
  for (let count = 0; open.length > 0; count += 1) {
    if (count > MOST_VALUES) return false;
    const next = open.pop();
    if (typeof next === "object" && next !== null) for (const inner of Object.values(next)) open.push(inner);
  }
  return true;
}
