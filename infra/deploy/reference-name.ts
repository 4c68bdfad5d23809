import type { Reference } from "#shared/secrets.ts";

/** The name or ARN alone: a parameter's `:<version or label>` and a secret's `#<key>` are no part of it. */
export function bareName({ store, name }: Reference): string {
  if (store === "secretsmanager") return name.replace(/#.*$/s, "");
  const [, arn] = /^(arn:(?:[^:]*:){4}[^:]*)/.exec(name) ?? [];
  return arn ?? name.replace(/:.*$/s, "");
}

/** What a parameter is called where it is made: an ARN has no slash in front of it. */
export function parameterIn(reference: Reference): string {
  const name = bareName(reference);
  const [, inside] = /^arn:(?:[^:]*:){4}parameter\/(.*)$/s.exec(name) ?? [];
  if (inside === undefined) return name;
  return inside.includes("/") ? `/${inside}` : inside;
}
